"""Nearest neighbours in the embedding of a pretrained audio model."""

import importlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
import torch

from detectors.contract.detector import Clips
from detectors.contract.registry import register
from detectors.knn import NearestNeighbours
from detectors.networks.training import device_of
from features import Feature, InputError, Waveform

Embed = Callable[[np.ndarray], object]  # (n_samples,) float32 -> (..., n_features)

FORMS = "model='FILE.pt' (TorchScript), model='FILE.onnx' or model='package.module:function'"


@register("embedding_knn")
@dataclass
class EmbeddingNeighbours(NearestNeighbours):
    """Distance to training clips in a pretrained embedding (Saengthong and Shinozaki 2024, arXiv 2409.05035).

    Distances are those of `knn`. The model maps a waveform, at the corpus's sample rate and full scale 1, to an
    embedding; it is not trained here. There are three forms:

    - `FILE.pt` (TorchScript) and `FILE.onnx` (needs onnxruntime) take one input, `(1, n_samples) float32`.
    - `package.module:function` names a function of an installed package. It is called once, without arguments, and
      returns a function of a waveform `(n_samples,) float32`. The weights must come with the package.

    The model returns `(..., n_features)`; the embedding is the mean over all axes but the last, such as time.
    With all channels, the embedding of a clip consists of the embeddings of its channels.
    Results are stored under the name of the model, so different models need different names.
    """

    model: str = ""
    feature: Feature = Waveform()
    device: str = field(default="auto", repr=False)  # of a TorchScript model
    papers: ClassVar[tuple[str, ...]] = ("saengthong2024genrep", "ledoit2004shrinkage", "wilkinghoff2025density")
    needs: ClassVar[str] = f"a pretrained model: {FORMS}"

    def fit(self, clips: Clips) -> Self:
        return super().fit(self._embedded(clips))

    def score(self, clips: Clips) -> np.ndarray:
        return super().score(self._embedded(clips))

    def _embedded(self, clips: Clips) -> Clips:
        embed = _load(self.model, self.device, _changed_ns(self.model))
        each = [
            np.stack([self._embedding(embed, samples, position) for samples in channels.T])
            for position, channels in enumerate(clips.features)
        ]
        return Clips(each, clips.units)  # (n_channels, n_features) each

    def _embedding(self, embed: Embed, samples: np.ndarray, position: int) -> np.ndarray:
        """Return `(n_features,)`. Raises `InputError` where the model fails or returns no finite array."""
        try:
            given = np.asarray(embed(np.array(samples, dtype=np.float32)), dtype=np.float64)
        except Exception as error:  # a model of others may raise anything
            raise InputError(
                f"embedding_knn: {self.model} fails on clip {position} of {len(samples)} samples: {error}"
            ) from error
        if given.ndim == 0 or given.size == 0 or not np.isfinite(given).all():
            raise InputError(
                f"embedding_knn: {self.model} gives shape {given.shape} for clip {position} of {len(samples)} samples; "
                "expected is one finite array (..., n_features)"
            )
        return given.reshape(-1, given.shape[-1]).mean(axis=0)


def _changed_ns(model: str) -> int:
    """Return when a file was last written, so that a changed model is loaded again; 0 for a package."""
    return os.stat(model).st_mtime_ns if os.path.isfile(model) else 0


@lru_cache(maxsize=2)
def _load(model: str, device: str, changed_ns: int) -> Embed:
    """Load a model once per process."""
    if not model:
        raise InputError(f"embedding_knn needs {EmbeddingNeighbours.needs}")
    loaders = {".pt": _torchscript, ".onnx": _onnx}
    suffix = os.path.splitext(model)[1]
    if suffix not in loaders and ":" in model:
        return _from_package(model)
    if suffix not in loaders:
        raise InputError(f"embedding_knn: model={model!r} ends in {suffix!r}; give {FORMS}")
    if not changed_ns:
        raise InputError(f"embedding_knn: model={model!r}: no such file; check the path")
    return loaders[suffix](model, device)


def _torchscript(file: str, device: str) -> Embed:
    place = device_of(device)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch 2.11 prefers torch.export
            network = torch.jit.load(file, map_location=place).eval()
    except RuntimeError as error:
        raise InputError(f"embedding_knn: {file} is no TorchScript file; save one with torch.jit.save") from error

    def embed(samples: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(samples)[np.newaxis].to(place)).float().cpu().numpy()

    return embed


def _onnx(file: str, device: str) -> Embed:
    onnxruntime = importlib.import_module("onnxruntime")  # optional: pip install onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common class
        raise InputError(f"embedding_knn: {file} is no ONNX model that onnxruntime can run: {error}") from error
    name = session.get_inputs()[0].name
    return lambda samples: session.run(None, {name: samples[np.newaxis]})[0]


def _from_package(entry: str) -> Embed:
    module, _, function = entry.partition(":")
    try:
        embed = getattr(importlib.import_module(module), function)()
    except AttributeError as error:
        raise InputError(f"embedding_knn: model={entry!r}: {error}") from error
    if not callable(embed):
        raise InputError(f"embedding_knn: {entry}() returns {type(embed).__name__}, not a function of a waveform")
    return embed
