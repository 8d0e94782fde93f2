"""Solenoid valve of compressed air, opened and closed at varying times.

Each time the coil draws the armature against its stop (a hard click that rings the body), air rushes out and decays
as the volume behind it empties (a hiss, exponential); when the coil lets go, a spring returns the plunger (a softer,
duller click). Between the events only the coil's hum and the supply's faint hiss are heard.

grit: hard particles in the guide: the plunger scrapes before it lands and rebounds once.
oil: a sticky film slows the plunger: softer, duller clicks, the air swells up slowly, and the coil, fed with
alternating current, buzzes because the plunger does not seat.
dust: a clogged outlet: the same air takes longer to leave, and its hiss is narrower and deeper.
seat: a particle on the seat keeps the closed valve from sealing: a faint whistle-like leak after each closing.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE, decibel, periodic, seconds, turns
from benchmarks.datasets.synthesis.faults import Fault
from benchmarks.datasets.synthesis.impacts import Mode, ringing, struck
from benchmarks.datasets.synthesis.noise import shaped_noise

MAINS = 50.0  # Hz
FAULTS = ("grit", "oil", "dust", "seat")


@dataclass(frozen=True)
class Valve:
    """One valve: modes of its body in Hz, centre of the outlet's hiss in Hz, its decay and the mean open time in s."""

    body: tuple[float, float, float]
    outlet: float
    decay: float
    open_time: float
    interval: float  # s, mean time from one opening to the next


UNITS = {
    "id_00": Valve((1250.0, 2900.0, 4700.0), 3000.0, 0.060, 0.18, 0.65),
    "id_02": Valve((900.0, 2100.0, 3800.0), 2200.0, 0.090, 0.25, 0.75),
    "id_04": Valve((1600.0, 3400.0, 5600.0), 3800.0, 0.045, 0.12, 0.50),
    "id_06": Valve((1100.0, 2500.0, 4200.0), 2600.0, 0.120, 0.30, 0.85),
}


def sound(unit: str, fault: Fault, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return one clip of the valve `unit`, `(n_samples,)`; its level is arbitrary but comparable between clips."""
    valve = UNITS[unit]
    opened, closed = events(valve, rng, n_samples / SAMPLE_RATE)
    parts = (
        _clicks(valve, opened, closed, fault, rng, n_samples),
        _air(valve, opened, fault, rng, n_samples),
        _scrape(valve, opened, fault.of("grit"), rng, n_samples),
        _leak(valve, closed, fault.of("seat"), rng, n_samples),
        _buzz(opened, closed, fault.of("oil"), rng, n_samples),
    )
    return decibel(1.0 * rng.standard_normal()) * np.sum(parts, axis=0)


def events(valve: Valve, rng: np.random.Generator, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the times in seconds at which the valve opens and closes, one closing per opening."""
    mean = valve.interval * np.exp(0.6 * (2.0 * rng.random() - 1.0))  # the rhythm of this clip
    count = int(4.0 * duration / mean) + 4
    gaps = mean * (0.5 + rng.random(count))
    openings = np.cumsum(gaps) - gaps[0] - mean * rng.random()
    open_for = np.minimum(valve.open_time * (0.7 + 0.6 * rng.random(count - 1)), 0.7 * gaps[1:])
    here = openings[:-1] < duration
    return openings[:-1][here], (openings[:-1] + open_for)[here]


def _clicks(
    valve: Valve, opened: np.ndarray, closed: np.ndarray, fault: Fault, rng: np.random.Generator, n_samples: int
) -> np.ndarray:
    """Return armature and spring clicks; a sticky plunger lands softly, a gritty one rebounds."""
    oil, grit = fault.of("oil"), fault.of("grit")
    weights = np.array([1.0, 0.8, 0.5]) * np.exp(-oil * np.array([0.1, 0.6, 1.0]))
    hard = ringing([Mode(hz, 0.004, weight) for hz, weight in zip(valve.body, weights, strict=True)], rng)
    soft = ringing([Mode(0.8 * hz, 0.005, weight**2) for hz, weight in zip(valve.body, weights, strict=True)], rng)
    force = decibel(-6.0 * oil) * np.exp(0.2 * rng.standard_normal((3, len(opened))))
    rebound = opened + 0.012 + 0.006 * rng.random(len(opened))
    landing = struck(n_samples, np.append(opened, rebound), np.append(force[0], 1.2 * grit * force[1]), hard)
    return landing + struck(n_samples, closed, 0.5 * force[2], soft)


def _air(valve: Valve, opened: np.ndarray, fault: Fault, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the air released at each opening; the supply's faint hiss stays."""
    dust, oil = fault.of("dust"), fault.of("oil")
    outlet = valve.outlet * np.exp(0.04 * rng.standard_normal() - 0.5 * dust)
    decay = valve.decay * np.exp(0.1 * rng.standard_normal() + 1.0 * dust)
    rise = 0.004 + 0.02 * oil
    time = np.arange(int(6.0 * decay * SAMPLE_RATE)) / SAMPLE_RATE
    puff = np.exp(-time / decay) * -np.expm1(-time / rise)
    strengths = decibel(-14.0 - 2.0 * dust) * np.exp(0.15 * rng.standard_normal(len(opened)))
    envelope = struck(n_samples, opened + 0.003, strengths, puff) + decibel(-50.0)
    frequencies = [200.0, 0.4 * outlet, outlet, 2.0 * outlet, 8000.0]
    levels = np.array([-30.0, -8.0, 0.0, -6.0 - 4.0 * dust, -16.0 - 4.0 * dust]) + 0.8 * rng.standard_normal(5)
    return envelope * shaped_noise(rng, n_samples, frequencies, levels)


def _scrape(valve: Valve, opened: np.ndarray, grit: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the scraping of grit in the 15 ms before the plunger lands."""
    if grit == 0.0:
        return np.zeros(n_samples)
    times = np.repeat(opened, 12) - 0.015 * rng.random(12 * len(opened))
    strengths = 0.6 * grit * rng.standard_normal(len(times))
    return struck(n_samples, times, strengths, ringing([Mode(1.4 * hz, 0.001, 1.0) for hz in valve.body], rng))


def _buzz(opened: np.ndarray, closed: np.ndarray, oil: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the buzz of the coil at twice the mains frequency while the valve is open, loud if it does not seat."""
    ticks = np.maximum(np.rint(np.concatenate([opened, closed]) * SAMPLE_RATE).astype(np.int64), 0)
    signs = np.repeat([1.0, -1.0], len(opened))
    drawn = np.cumsum(np.bincount(ticks, weights=signs, minlength=n_samples)[:n_samples])
    first = decibel(-40.0 + 2.0 * rng.standard_normal() + 20.0 * oil)
    orders = {2 * k: first * decibel(1.5 * rng.standard_normal()) / k**0.5 for k in range(1, 25)}
    return drawn * periodic(orders, turns(np.full(n_samples, MAINS)), rng)


def _leak(valve: Valve, closed: np.ndarray, seat: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the leak past the seat, in the 150 ms or so after each closing, until the particle is blown out."""
    if seat == 0.0:
        return np.zeros(n_samples)
    time = seconds(min(n_samples, 8000))
    shape = np.exp(-time / 0.12) * -np.expm1(-time / 0.01)
    envelope = struck(n_samples, closed, decibel(-32.0 + 14.0 * seat) * np.ones(len(closed)), shape)
    centre = 1.6 * valve.outlet
    return envelope * shaped_noise(rng, n_samples, [0.6 * centre, centre, 1.5 * centre], [-25.0, 0.0, -25.0])
