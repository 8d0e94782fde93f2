"""One clip of the synthetic corpus: drawn, rendered, mixed with noise and quantised whenever it is read."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from benchmarks.datasets.synthesis import fan, pump, slider, valve
from benchmarks.datasets.synthesis.clock import SAMPLE_RATE
from benchmarks.datasets.synthesis.factory import factory_noise
from benchmarks.datasets.synthesis.faults import NORMAL, Fault, graded
from benchmarks.datasets.synthesis.room import FACING, heard
from features import Channel, InputError

LEVEL = 0.01  # rms of the mean machine sound of a unit, full scale = 1: room for its peaks and for noise 6 dB louder
REFERENCE_CLIPS = 24  # the first normal clips of a unit, whose mean power sets its gain and its SNR
_MACHINE, _NOISE, _DIFFUSE = 0, 1, 2  # what a random stream is for


@dataclass(frozen=True)
class _Machine:
    number: int  # in the random streams: never renumber
    units: tuple[str, ...]
    faults: tuple[str, ...]
    sound: Callable[[str, Fault, np.random.Generator, int], np.ndarray]


_MACHINES: Mapping[str, _Machine] = {
    "fan": _Machine(0, tuple(fan.UNITS), fan.FAULTS, fan.sound),
    "pump": _Machine(1, tuple(pump.UNITS), pump.FAULTS, pump.sound),
    "slider": _Machine(2, tuple(slider.UNITS), slider.FAULTS, slider.sound),
    "valve": _Machine(3, tuple(valve.UNITS), valve.FAULTS, valve.sound),
}


def units_of(machine: str) -> tuple[str, ...]:
    """Return the units that a machine type has, e.g. `("id_00", "id_02", ...)`. Raises `InputError`."""
    if machine not in _MACHINES:
        raise InputError(f"synthetic: unknown machine {machine!r}; known: {', '.join(_MACHINES)}")
    return _MACHINES[machine].units


def faults_of(machine: str) -> tuple[str, ...]:
    """Return the kinds of fault that a machine type has. Raises `InputError`."""
    units_of(machine)
    return _MACHINES[machine].faults


@dataclass(frozen=True)
class SyntheticAudio:
    """The recipe of one clip. Equal recipes give equal samples, in any process."""

    seed: int
    machine: str
    unit: str
    snr_db: float
    anomalous: bool
    index: int  # of the clip among the normal or the anomalous ones of its unit
    seconds: float
    n_channels: int

    @property
    def path(self) -> str:
        """Return where the clip lies in the corpus, as in MIMII: `6_dB_fan/fan/id_00/normal/00000000.wav`."""
        folder = "abnormal" if self.anomalous else "normal"
        return f"{self.snr_db:g}_dB_{self.machine}/{self.machine}/{self.unit}/{folder}/{self.index:08d}.wav"

    @property
    def fault(self) -> Fault:
        """Return kind and severity; metadata for reports, never an input of a detector."""
        return graded(faults_of(self.machine), self.index) if self.anomalous else NORMAL

    @property
    def identity(self) -> str:
        """The recipe and the code that follows it."""
        return f"{self!r} {generator_hash()}"

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return f"synthetic {self.path}"

    @property
    def n_samples(self) -> int:
        """Return the samples per channel."""
        return round(self.seconds * SAMPLE_RATE)

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32 at full scale 1, 16000 Hz)`. Raises `InputError` on an absent channel."""
        wanted = range(self.n_channels) if channel == "mean" else [channel]
        if not all(isinstance(one, int | np.integer) and 0 <= one < self.n_channels for one in wanted):
            raise InputError(
                f"synthetic {self.machine} {self.unit}: channel {channel!r} asked for, found {self.n_channels} "
                f"channel(s); give 0..{self.n_channels - 1} or 'mean', or make the corpus with n_channels=8"
            )
        frames = self._frames([int(one) for one in wanted])
        mixed = frames.mean(axis=1, dtype=np.float64) if channel == "mean" else frames[:, 0]
        return mixed.astype(np.float32) / np.float32(32768.0), SAMPLE_RATE

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32 at full scale 1, 16000 Hz)`."""
        return self.frames().T.astype(np.float32, order="C") / np.float32(32768.0), SAMPLE_RATE

    def frames(self) -> np.ndarray:
        """Return all channels as they stand in a WAV file, `(n_samples, n_channels) int16`."""
        return self._frames(list(range(self.n_channels)))

    def machine_sound(self, channel: int = 0) -> np.ndarray:
        """Return the machine alone at one microphone, `(n_samples,) float64`: the same at each SNR."""
        return self._heard(self._dry(), channel)

    def noise(self, channel: int = 0) -> np.ndarray:
        """Return the factory noise alone at one microphone, `(n_samples,) float64`; its power sets the SNR."""
        rng, own = self._stream(_NOISE, self._level), self._stream(_DIFFUSE, self._level, channel)
        return factory_noise(rng, own, self.n_samples) * (LEVEL * 10.0 ** (-self.snr_db / 20.0))

    def _frames(self, channels: list[int]) -> np.ndarray:
        dry = self._dry()
        full = np.stack([self._heard(dry, channel) + self.noise(channel) for channel in channels], axis=1)
        return np.clip(np.rint(full * 32768.0), -32768, 32767).astype(np.int16)

    def _dry(self) -> np.ndarray:
        rng = self._stream(_MACHINE)
        return _MACHINES[self.machine].sound(self.unit, self.fault, rng, self.n_samples)

    def _heard(self, dry: np.ndarray, channel: int) -> np.ndarray:
        gain = LEVEL / np.sqrt(unit_power(self.seed, self.machine, self.unit, self.n_samples))
        microphone = FACING[self.machine] if self.n_channels == 1 else channel
        return gain * heard(dry, self.machine, microphone)

    def _stream(self, *purpose: int) -> np.random.Generator:
        machine = _MACHINES[self.machine].number
        return _stream(self.seed, machine, int(self.unit[3:]), int(self.anomalous), self.index, *purpose)

    @property
    def _level(self) -> int:
        return round(1000 * self.snr_db) + 1_000_000  # random streams take no negative numbers


@lru_cache(maxsize=256)
def unit_power(seed: int, machine: str, unit: str, n_samples: int) -> float:
    """Return the mean power of a unit's machine sound before its gain, at the microphone that faces it.

    The mean runs over the first `REFERENCE_CLIPS` normal clips, however many clips the corpus lists.
    """
    powers = []
    for index in range(REFERENCE_CLIPS):
        rng = _stream(seed, _MACHINES[machine].number, int(unit[3:]), 0, index, _MACHINE)
        dry = _MACHINES[machine].sound(unit, NORMAL, rng, n_samples)
        powers.append(np.mean(heard(dry, machine, FACING[machine]) ** 2))
    return float(np.mean(powers))


@cache
def generator_hash() -> str:
    """Return a hash of this package's source: samples may differ where it does."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
