"""Industrial axial fan.

Blades pass the struts at B n / 60 Hz and its multiples (blade-pass tones); flow over the blades makes broadband
turbulence, loudest around a few hundred Hz; gusts and the turning rotor modulate it. Both follow the fan law: sound
power grows with the fifth power of speed (Madison 1949). The motor hums at twice the mains frequency.

unbalance: the rotor shakes at shaft rate: the sound is modulated once a turn (sidebands of the blade tones one shaft
rate away), the low orders of the shaft grow, and the mount knocks.
voltage: the supply is too low or too high: the fan turns more slowly or faster, the magnetic hum grows.
clogging: a throttled fan stalls: low-frequency noise and surging grow, the treble of clean flow falls.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE, decibel, drift, periodic, turns
from benchmarks.datasets.synthesis.faults import Fault
from benchmarks.datasets.synthesis.impacts import Mode, ringing, struck
from benchmarks.datasets.synthesis.noise import shaped_noise

FAULTS = ("unbalance", "voltage", "clogging")
MAINS = 50.0  # Hz


@dataclass(frozen=True)
class Fan:
    """One fan: geometry, speed at full voltage, and where its turbulence peaks."""

    blades: int
    rpm: float
    peak: float  # Hz, maximum of the turbulence spectrum
    tone: float  # dB, first blade-pass tone against the turbulence
    mount: tuple[float, float]  # Hz, modes of the mount

    @property
    def blade_pass(self) -> float:
        """Return the blade-pass frequency in Hz."""
        return self.blades * self.rpm / 60.0


UNITS = {
    "id_00": Fan(blades=7, rpm=1450.0, peak=420.0, tone=-2.0, mount=(830.0, 1900.0)),
    "id_02": Fan(blades=5, rpm=2850.0, peak=700.0, tone=1.0, mount=(1150.0, 2600.0)),
    "id_04": Fan(blades=9, rpm=960.0, peak=300.0, tone=-5.0, mount=(640.0, 1500.0)),
    "id_06": Fan(blades=4, rpm=2250.0, peak=560.0, tone=-1.0, mount=(980.0, 2250.0)),
}


def sound(unit: str, fault: Fault, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return one clip of the fan `unit`, `(n_samples,)`; its level is arbitrary but comparable between clips."""
    fan = UNITS[unit]
    supply = 0.1 * fault.of("voltage") * rng.choice([-1.0, 1.0])
    ratio = (1.0 + supply) * np.exp(0.006 * rng.standard_normal())  # speed against nominal
    speed = fan.rpm / 60.0 * ratio * (1.0 + 0.001 * drift(rng, n_samples, 1.0))
    revolutions = turns(speed)
    level = ratio**2.5 * decibel(1.5 * rng.standard_normal())  # power ~ speed^5
    wake = _wake(fan, fault.of("unbalance"), revolutions, rng)
    flow = _turbulence(fan, fault.of("clogging"), rng, n_samples) + _tones(fan, fault, revolutions, rng)
    flow += _knocks(fan, fault.of("unbalance"), revolutions, rng)
    return level * (1.0 + wake) * flow + _hum(fault.of("voltage"), rng, n_samples)


def _wake(fan: Fan, unbalance: float, revolutions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the modulation by the turning rotor: once a blade, once a turn."""
    once = 0.04 * np.exp(0.4 * rng.standard_normal()) + 0.5 * unbalance
    return periodic({1: once, 2: 0.3 * once, fan.blades: 0.1}, revolutions, rng)


def _tones(fan: Fan, fault: Fault, revolutions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return blade-pass tones, falling 5 dB a multiple, and the weak orders of the shaft."""
    first = decibel(fan.tone + 1.5 * rng.standard_normal() - 2.0 * fault.of("clogging"))
    orders = {k * fan.blades: first * decibel(-5.0 * (k - 1) + 1.5 * rng.standard_normal()) for k in range(1, 9)}
    for order in range(1, 2 * fan.blades):
        if order % fan.blades:
            growth = 18.0 * fault.of("unbalance")
            orders[order] = 0.03 * decibel(growth + 2.0 * rng.standard_normal())
    return periodic(orders, revolutions, rng)


def _turbulence(fan: Fan, clogging: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return flow noise of unit power: a broad hump that falls 8 dB an octave, gusting."""
    frequencies = [30.0, 100.0, fan.peak, 2 * fan.peak, 1800.0, 4000.0, 8000.0]
    levels = np.array([-10.0, -4.0, 0.0, -5.0, -13.0, -22.0, -32.0]) + 0.6 * rng.standard_normal(7)
    levels += clogging * np.array([12.0, 10.0, 2.0, -2.0, -4.0, -7.0, -8.0])
    gusts = (0.08 + 0.12 * clogging) * drift(rng, n_samples, 6.0)
    return shaped_noise(rng, n_samples, frequencies, levels) * (1.0 + gusts)


def _knocks(fan: Fan, unbalance: float, revolutions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the blows of a shaken rotor on its mount, one a turn; a balanced rotor gives none."""
    if unbalance == 0.0:
        return np.zeros(len(revolutions))
    passed = np.flatnonzero(np.diff(np.floor(revolutions + rng.random()))) / SAMPLE_RATE
    strengths = 1.2 * unbalance**1.5 * np.exp(0.4 * rng.standard_normal(len(passed)))
    return struck(len(revolutions), passed, strengths, ringing([Mode(hz, 0.006, 1.0) for hz in fan.mount], rng))


def _hum(voltage: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return magnetic hum at even multiples of the mains frequency."""
    first = decibel(-16.0 + 12.0 * voltage + 2.0 * rng.standard_normal())
    orders = {2: first, 4: 0.5 * first, 6: 0.35 * first, 8: 0.1 * first, 12: 0.1 * first}
    return periodic(orders, turns(np.full(n_samples, MAINS)), rng)
