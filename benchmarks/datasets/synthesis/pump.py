"""Centrifugal water pump.

The impeller's vanes pass the cutwater at Z n / 60 Hz (vane-pass tones); the flow pulsates with them and excites the
pipe, whose resonances colour the flow noise; bearings and coupling give the low orders of the shaft.

leakage: a jet through a gap hisses between 2 and 6 kHz, and the lost pressure weakens the vane-pass tone.
contamination: particles strike the casing at random times and excite its modes.
clogging: at low flow the water recirculates: slow, low-frequency surging, a stronger vane-pass tone, less treble.
cavitation: vapour bubbles collapse in dense trains of short pulses, most when a vane passes.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE, decibel, drift, periodic, turns
from benchmarks.datasets.synthesis.faults import Fault
from benchmarks.datasets.synthesis.impacts import Mode, random_times, ringing, struck
from benchmarks.datasets.synthesis.noise import shaped_noise

FAULTS = ("leakage", "contamination", "clogging", "cavitation")


@dataclass(frozen=True)
class Pump:
    """One pump: geometry, speed, resonances of pipe and casing in Hz."""

    vanes: int
    rpm: float
    pipe: tuple[float, float]
    casing: tuple[float, float, float]


UNITS = {
    "id_00": Pump(vanes=6, rpm=2900.0, pipe=(520.0, 1350.0), casing=(1450.0, 2300.0, 3650.0)),
    "id_02": Pump(vanes=5, rpm=1450.0, pipe=(340.0, 900.0), casing=(1100.0, 1900.0, 3100.0)),
    "id_04": Pump(vanes=7, rpm=2900.0, pipe=(610.0, 1700.0), casing=(1750.0, 2800.0, 4300.0)),
    "id_06": Pump(vanes=4, rpm=1750.0, pipe=(280.0, 760.0), casing=(950.0, 1600.0, 2700.0)),
}


def sound(unit: str, fault: Fault, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return one clip of the pump `unit`, `(n_samples,)`; its level is arbitrary but comparable between clips."""
    pump = UNITS[unit]
    load = rng.standard_normal()  # of the flow: a loaded motor turns more slowly
    ratio = 1.0 - 0.004 * load + 0.004 * fault.of("clogging")
    speed = pump.rpm / 60.0 * ratio * (1.0 + 0.0008 * drift(rng, n_samples, 2.0))
    revolutions = turns(speed)
    pulsation = periodic({1: 0.05, pump.vanes: decibel(-14.0 + 2.0 * rng.standard_normal())}, revolutions, rng)
    surge = (0.05 + 0.15 * fault.of("clogging")) * drift(rng, n_samples, 8.0)
    flow = _flow(pump, load, fault.of("clogging"), rng, n_samples) * (1.0 + pulsation + surge)
    steady = flow + _tones(pump, fault, revolutions, rng) + _hiss(fault.of("leakage"), rng, n_samples)
    blows = _particles(pump, fault.of("contamination"), rng, n_samples)
    return decibel(1.5 * rng.standard_normal()) * (
        steady + blows + _bubbles(pump, fault.of("cavitation"), revolutions, rng)
    )


def _tones(pump: Pump, fault: Fault, revolutions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return vane-pass tones, falling 7 dB a multiple, and the low orders of the shaft."""
    first = decibel(-6.0 + 2.0 * rng.standard_normal() + 3.0 * fault.of("clogging") - 3.0 * fault.of("leakage"))
    orders = {k * pump.vanes: first * decibel(-7.0 * (k - 1) + 2.0 * rng.standard_normal()) for k in range(1, 6)}
    for order in (1, 2, 3):
        orders[order] = decibel(-12.0 - 3.0 * order + 2.0 * rng.standard_normal())
    return periodic(orders, revolutions, rng)


def _flow(pump: Pump, load: float, clogging: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return flow noise coloured by the resonances of the pipe; a higher flow is brighter."""
    low, high = pump.pipe
    frequencies = [40.0, 150.0, 0.7 * low, low, 1.5 * low, 0.8 * high, high, 1.3 * high, 4000.0, 8000.0]
    levels = np.array([-14.0, -9.0, -5.0, 0.0, -8.0, -8.0, -3.0, -10.0, -20.0, -28.0]) + 0.6 * rng.standard_normal(10)
    levels[6:] += 1.0 * load - 4.0 * clogging
    levels[:3] += 5.0 * clogging
    return shaped_noise(rng, n_samples, frequencies, levels)


def _hiss(leakage: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the noise of the jet: a hump around 3.5 kHz; a tight pump has none."""
    if leakage == 0.0:
        return np.zeros(n_samples)
    jet = shaped_noise(rng, n_samples, [500.0, 2000.0, 3500.0, 6000.0, 8000.0], [-30.0, -6.0, 0.0, -6.0, -12.0])
    return decibel(-21.0 + 19.0 * leakage) * jet * (1.0 + 0.2 * drift(rng, n_samples, 10.0))


def _particles(pump: Pump, contamination: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return blows on the casing; clean water carries a rare particle too."""
    times = random_times(rng, 0.5 + 16.0 * contamination, n_samples / SAMPLE_RATE)
    strengths = (0.6 + 1.4 * contamination) * np.exp(0.5 * rng.standard_normal(len(times)))
    modes = [Mode(hz, 0.006, weight) for hz, weight in zip(pump.casing, (1.0, 0.7, 0.5), strict=True)]
    return struck(n_samples, times, strengths, ringing(modes, rng))


def _bubbles(pump: Pump, cavitation: float, revolutions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the collapse of bubbles: short pulses, thinned to those that fall where a vane passes."""
    n_samples = len(revolutions)
    if cavitation == 0.0:
        return np.zeros(n_samples)
    times = random_times(rng, 1500.0, n_samples / SAMPLE_RATE)
    turn = revolutions[(times * SAMPLE_RATE).astype(np.int64)]
    times = times[rng.random(len(times)) < 0.5 + 0.5 * np.cos(2 * np.pi * pump.vanes * turn)]
    strengths = 1.0 * cavitation * np.exp(0.8 * rng.standard_normal(len(times)))
    return struck(n_samples, times, strengths, ringing([Mode(3200.0, 0.0004, 1.0), Mode(5600.0, 0.0003, 0.7)], rng))
