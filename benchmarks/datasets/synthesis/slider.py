"""Linear slide: a carriage on balls, driven back and forth by a toothed belt, at a speed that varies.

The speed is a trapezium per stroke. Friction grows with speed and gets brighter; the belt's teeth mesh at v / pitch;
balls pass the joint of the rail; the servo motor whines in proportion to speed; each reversal thumps; where the
carriage starts, it sticks and slips.

rail: each ball that crosses the damaged spot strikes it: a short burst of blows at the same place of each stroke.
belt: a loose belt slaps after each reversal, several bounces, and makes the mesh waver.
grease: dry rails rub harder in the treble, squeal, and stick and slip more often.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE, decibel, drift, periodic, seconds
from benchmarks.datasets.synthesis.faults import Fault
from benchmarks.datasets.synthesis.impacts import Mode, ringing, struck
from benchmarks.datasets.synthesis.noise import shaped_noise

FAULTS = ("rail", "belt", "grease")


@dataclass(frozen=True)
class Slider:
    """One slide: stroke and pitches in metres, nominal top speed in m/s, acceleration in m/s^2."""

    stroke: float
    speed: float
    acceleration: float
    tooth_pitch: float
    ball_pitch: float
    whine: float  # periods of the motor's tone per metre
    rail_modes: tuple[float, float]  # Hz
    frame_modes: tuple[float, float]  # Hz


UNITS = {
    "id_00": Slider(0.30, 0.60, 4.0, 0.005, 0.012, 2100.0, (1700.0, 3300.0), (95.0, 230.0)),
    "id_02": Slider(0.20, 0.40, 3.0, 0.003, 0.008, 3600.0, (2200.0, 4100.0), (130.0, 310.0)),
    "id_04": Slider(0.40, 0.80, 5.0, 0.008, 0.016, 1500.0, (1400.0, 2700.0), (80.0, 190.0)),
    "id_06": Slider(0.25, 0.30, 2.5, 0.005, 0.010, 4400.0, (1900.0, 3700.0), (110.0, 260.0)),
}


def sound(unit: str, fault: Fault, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return one clip of the slide `unit`, `(n_samples,)`; its level is arbitrary but comparable between clips."""
    slide = UNITS[unit]
    velocity, starts = motion(slide, rng, n_samples)
    pace = np.abs(velocity) / slide.speed
    parts = (
        _friction(pace, fault.of("grease"), rng),
        _drive(slide, pace, fault.of("belt"), rng),
        _reversals(slide, starts, fault.of("belt"), rng, n_samples),
        _stick_slip(slide, starts, fault.of("grease"), rng, n_samples),
        _rail(slide, velocity, fault.of("rail"), rng),
    )
    return decibel(1.5 * rng.standard_normal()) * np.sum(parts, axis=0)


def motion(slide: Slider, rng: np.random.Generator, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the velocity `(n_samples,)` in m/s and the times in seconds at which the carriage sets off."""
    top = slide.speed * np.exp(0.08 * rng.standard_normal())
    ramp, cruise = top / slide.acceleration, slide.stroke / top - top / slide.acceleration
    period = 2 * ramp + cruise + 0.08 + 0.1 * rng.random()  # with a rest at each end
    count = int(n_samples / SAMPLE_RATE / period) + 3
    starts = (np.arange(count) - rng.random() - 1.0) * period + 0.03 * rng.random(count)
    direction = np.where((np.arange(count) + rng.integers(2)) % 2, -top, top)
    knots = starts[:, np.newaxis] + np.array([0.0, ramp, ramp + cruise, 2 * ramp + cruise])
    heights = direction[:, np.newaxis] * np.array([0.0, 1.0, 1.0, 0.0])
    return np.interp(seconds(n_samples), knots.ravel(), heights.ravel()), starts


def _friction(pace: np.ndarray, grease: float, rng: np.random.Generator) -> np.ndarray:
    """Return rubbing noise: the bass grows with the speed, the treble with its square; dry rails squeal."""
    bass = np.array([-8.0, 0.0, -6.0, -30.0]) + 0.8 * rng.standard_normal(4)
    treble = np.array([-20.0, 0.0, -4.0, -14.0]) + 0.8 * rng.standard_normal(4)
    treble += np.array([0.0, 0.0, 4.0, 3.0]) * grease
    rub = shaped_noise(rng, len(pace), [50.0, 300.0, 900.0, 3000.0], bass)
    scrape = shaped_noise(rng, len(pace), [400.0, 1500.0, 4000.0, 8000.0], treble)
    return pace * (rub + decibel(-7.0 + 8.0 * grease + rng.standard_normal()) * pace * scrape)


def _drive(slide: Slider, pace: np.ndarray, belt: float, rng: np.random.Generator) -> np.ndarray:
    """Return belt mesh, ball passing and the whine of the motor, all locked to the way travelled."""
    way = np.cumsum(pace) * (slide.speed / SAMPLE_RATE)  # metres
    mesh = decibel(-6.0 + 1.5 * rng.standard_normal() + 2.0 * belt)
    teeth = periodic({1: mesh, 2: 0.6 * mesh, 3: 0.4 * mesh, 5: 0.2 * mesh}, way / slide.tooth_pitch, rng)
    balls = periodic({1: 0.15, 2: 0.1, 4: 0.05}, way / slide.ball_pitch, rng)
    whine = periodic({1: decibel(-12.0 + 2.0 * rng.standard_normal()), 2: 0.08}, way * slide.whine, rng)
    waver = 1.0 + (0.1 + 0.5 * belt) * drift(rng, len(pace), 14.0)
    return pace * (teeth * waver + balls + whine)


def _reversals(slide: Slider, starts: np.ndarray, belt: float, rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the thump of each start, and the slaps of the belt against its cover after it."""
    frame = ringing([Mode(slide.frame_modes[0], 0.03, 1.0), Mode(slide.frame_modes[1], 0.02, 0.6)], rng)
    cover = ringing([Mode(4.0 * slide.frame_modes[1], 0.008, 1.0), Mode(7.3 * slide.frame_modes[1], 0.006, 0.7)], rng)
    gaps = (0.03 + 0.015 * rng.random(len(starts)))[:, np.newaxis] * np.arange(1, 6)
    slaps = (0.1 + 2.6 * belt) * 0.75 ** np.arange(5) * np.exp(0.25 * rng.standard_normal(gaps.shape))
    thumps = 0.7 * np.exp(0.25 * rng.standard_normal(len(starts)))
    bounces = struck(n_samples, (starts[:, np.newaxis] + gaps).ravel(), slaps.ravel(), cover)
    return struck(n_samples, starts, thumps, frame) + bounces


def _stick_slip(
    slide: Slider, starts: np.ndarray, grease: float, rng: np.random.Generator, n_samples: int
) -> np.ndarray:
    """Return the clicks of a carriage that breaks loose, in the 60 ms after each start."""
    each = rng.poisson(1.0 + 5.0 * grease, len(starts))
    times = np.repeat(starts, each) + 0.06 * rng.random(each.sum())
    strengths = (0.25 + 0.3 * grease) * np.exp(0.4 * rng.standard_normal(len(times)))
    return struck(n_samples, times, strengths, ringing([Mode(hz, 0.003, 1.0) for hz in slide.rail_modes], rng))


def _rail(slide: Slider, velocity: np.ndarray, rail: float, rng: np.random.Generator) -> np.ndarray:
    """Return the blows of eight balls at a joint of the rail, slight on a sound rail, hard on a damaged one."""
    position = np.cumsum(velocity) / SAMPLE_RATE
    beyond = position - position.min() > 0.4 * slide.stroke
    crossings = np.flatnonzero(beyond[1:] != beyond[:-1])
    pace = np.abs(velocity[crossings + 1]) / slide.speed
    times = (crossings / SAMPLE_RATE)[:, np.newaxis] + np.arange(8) * (slide.ball_pitch / slide.speed / pace)[
        :, np.newaxis
    ]
    strengths = (0.1 + 2.5 * rail) * pace[:, np.newaxis] * np.exp(0.3 * rng.standard_normal(times.shape))
    response = ringing([Mode(slide.rail_modes[0], 0.006, 1.0), Mode(slide.rail_modes[1], 0.004, 0.7)], rng)
    return struck(len(velocity), times.ravel(), strengths.ravel(), response)
