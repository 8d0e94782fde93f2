"""Spectrograms of the synthetic corpus for docs/synthetic.md: `python -m benchmarks.datasets.synthetic_pictures`."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from librosa import mel_frequencies

from benchmarks.datasets.synthesis import SyntheticAudio, faults_of
from benchmarks.datasets.synthetic import Synthetic
from features import LogMel

_SHOWN = 60  # abnormal clips, of which the most severe of each kind is shown
_RANGE = 60.0  # dB below the loudest point of a picture
_MEL = LogMel(n_mels=96, hop_length=256)
_TICKS = [100, 300, 1000, 2000, 4000, 7000]  # Hz


def draw(directory: Path) -> list[Path]:
    """Draw one picture per machine (normal, and the most severe clip of each fault) and one of the noise levels."""
    directory.mkdir(parents=True, exist_ok=True)
    corpus = Synthetic()
    unit = corpus.units[0]
    files = []
    for machine in corpus.machines:
        shown = {"normal": SyntheticAudio(corpus.seed, machine, unit, 6.0, False, 0, corpus.seconds, 1)}
        for kind in faults_of(machine):
            worst = _worst(corpus, machine, unit, kind)
            shown[f"{kind}, severity {worst.fault.severity:.2f}"] = worst
        sounds = {title: audio.machine_sound() for title, audio in shown.items()}
        files.append(_picture(sounds, f"Synthetic {machine} {unit}, without noise", directory / f"{machine}.png"))
    mixed = {
        f"{machine} {snr_db:g} dB": SyntheticAudio(0, machine, unit, snr_db, False, 0, corpus.seconds, 1).read(0)[0]
        for machine in ("fan", "valve")
        for snr_db in corpus.snrs_db
    }
    files.append(_picture(mixed, "The same two machine sounds in factory noise (synthetic)", directory / "noise.png"))
    return files


def _worst(corpus: Synthetic, machine: str, unit: str, kind: str) -> SyntheticAudio:
    clips = (SyntheticAudio(corpus.seed, machine, unit, 6.0, True, k, corpus.seconds, 1) for k in range(_SHOWN))
    return max((clip for clip in clips if clip.fault.kind == kind), key=lambda clip: clip.fault.severity)


def _picture(sounds: dict[str, np.ndarray], title: str, path: Path) -> Path:
    """Draw log-mel spectrograms side by side, all on one scale."""
    from matplotlib.figure import Figure

    columns = 4 if len(sounds) == 4 else 3
    rows = -(-len(sounds) // columns)
    figure = Figure(figsize=(10.0, 0.6 + 2.4 * rows), layout="constrained")
    figure.suptitle(title)
    loudest = None
    for position, (name, sound) in enumerate(sounds.items(), start=1):
        axes = figure.add_subplot(rows, columns, position)
        loudest = _spectrogram(axes, sound, loudest)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("time in s" if position > len(sounds) - columns else "", fontsize=8)
        axes.set_ylabel("Hz" if position % columns == 1 else "", fontsize=8)
        axes.tick_params(labelsize=7)
    _save(figure, path)
    return path


def _spectrogram(axes: Any, sound: np.ndarray, loudest: float | None) -> float:
    """Draw one spectrogram, as detectors see it, and return the top of its scale in dB."""
    level = _MEL(sound.astype(np.float32), Synthetic.sample_rate).T
    top = float(level.max()) if loudest is None else loudest
    span = (0.0, len(sound) / Synthetic.sample_rate, 0.0, len(level))
    axes.imshow(level, origin="lower", aspect="auto", extent=span, vmin=top - _RANGE, vmax=top, cmap="magma")
    bands = np.interp(_TICKS, mel_frequencies(n_mels=_MEL.n_mels, fmax=Synthetic.sample_rate / 2), range(_MEL.n_mels))
    axes.set_yticks(bands, _TICKS)
    return top


def _save(figure: Any, path: Path) -> None:
    """Write a PNG with 64 colours, which takes about a third of the bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    Image.open(buffer).convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    for picture in draw(Path("docs/synthetic")):
        print(picture)
