"""embedding_knn: models from TorchScript and ONNX files and from packages, and the message where there is none."""

import os
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.cell import Cell
from detectors import Clips
from detectors.contract.checks import run_checks
from detectors.contract.registry import detectors, find
from detectors.contract.variants import create
from detectors.embedding_knn import EmbeddingNeighbours
from detectors.knn import NearestNeighbours
from features import InputError


class BandLevels(torch.nn.Module):
    """Levels of 32 bands in dB: a stand-in for a pretrained network."""

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        power = torch.fft.rfft(samples).abs().square()
        return torch.nn.functional.adaptive_avg_pool1d(power, 32).add(1e-9).log10() * 10


class Frames(torch.nn.Module):
    """Mean and maximum of each hundred samples: one embedding per frame."""

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        frames = samples.reshape(samples.shape[0], -1, 100)
        return torch.stack([frames.mean(dim=2), frames.amax(dim=2)], dim=2)


def save(module: torch.nn.Module, file: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), str(file))
    return str(file)


def noise(n_clips: int, n_samples: int = 400, seed: int = 0) -> Clips:
    rng = np.random.default_rng(seed)
    return Clips([rng.normal(size=(n_samples, 1)).astype(np.float32) for _ in range(n_clips)], ["00"] * n_clips)


def summarised(clips: Clips) -> Clips:
    """The output of `Frames` for clips, averaged over time, calculated with numpy."""
    frames = [samples.reshape(-1, 100) for samples in clips.features]
    return Clips([np.array([[f.mean(axis=1).mean(), f.max(axis=1).mean()]]) for f in frames], clips.units)


def by_knn(train: Clips, test: Clips, **options: object) -> np.ndarray:
    return NearestNeighbours(**options).fit(summarised(train)).score(summarised(test))


def test_a_torchscript_model_conforms(tmp_path):
    detector = EmbeddingNeighbours(model=save(BandLevels(), tmp_path / "levels.pt"), device="cpu")
    assert [verdict for verdict in run_checks(detector) if not verdict.ok] == []


def test_scores_are_those_of_knn_on_the_mean_embedding(tmp_path):
    model = save(Frames(), tmp_path / "frames.pt")
    train, test = noise(12), noise(4, n_samples=700, seed=1)
    for options in ({"k": 3}, {"k": 1, "whiten": True, "density": 4}):
        scores = EmbeddingNeighbours(model=model, device="cpu", **options).fit(train).score(test)
        np.testing.assert_allclose(scores, by_knn(train, test, **options), rtol=1e-4)


def test_each_channel_has_its_embedding(tmp_path):
    detector = EmbeddingNeighbours(model=save(Frames(), tmp_path / "frames.pt"), device="cpu")

    def stereo(*parts: Clips) -> Clips:
        pairs = zip(*(part.features for part in parts), strict=True)
        return Clips([np.concatenate(pair, axis=1) for pair in pairs], parts[0].units)

    sounds = [[noise(12), noise(12, seed=2)], [noise(4, seed=1), noise(4, seed=3)]]
    train, test = (stereo(*map(summarised, parts)) for parts in sounds)
    scores = detector.fit(stereo(*sounds[0])).score(stereo(*sounds[1]))
    np.testing.assert_allclose(scores, NearestNeighbours().fit(train).score(test), rtol=1e-4)


def test_the_model_stays_outside_of_what_is_pickled_and_follows_its_file(tmp_path):
    file = tmp_path / "model.pt"
    fitted = EmbeddingNeighbours(model=save(BandLevels(), file), device="cpu").fit(noise(8))
    thawed = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(thawed.score(noise(3)), fitted.score(noise(3)))
    save(Frames(), file)
    os.utime(file, ns=(1, 1))
    test = noise(3, seed=1)
    np.testing.assert_allclose(fitted.fit(noise(8)).score(test), by_knn(noise(8), test), rtol=1e-4)


def test_an_onnx_model_gives_the_same_as_its_formula(tmp_path):
    pytest.importorskip("onnxruntime", reason="optional; pip install onnxruntime")
    onnx = pytest.importorskip("onnx", reason="makes the model of this test; pip install onnx")
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [
        node("Reshape", ["sound", "shape"], ["frames"]),
        node("ReduceMean", ["frames"], ["mean"], axes=[2]),
        node("ReduceMax", ["frames"], ["maximum"], axes=[2]),
        node("Concat", ["mean", "maximum"], ["embedding"], axis=2),
    ]
    shape = onnx.numpy_helper.from_array(np.array([1, -1, 100]), "shape")
    sound, embedding = info("sound", 1, [1, None]), info("embedding", 1, [1, None, 2])
    graph = onnx.helper.make_graph(nodes, "frames", [sound], [embedding], [shape])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "frames.onnx")
    detector = EmbeddingNeighbours(model=str(tmp_path / "frames.onnx")).fit(noise(12))
    test = noise(4, n_samples=700, seed=1)
    np.testing.assert_allclose(detector.score(test), by_knn(noise(12), test), rtol=1e-4)
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(InputError, match="is no ONNX model that onnxruntime can run"):
        EmbeddingNeighbours(model=str(tmp_path / "text.onnx")).fit(noise(2))


def test_a_package_gives_a_function_of_a_waveform(tmp_path, monkeypatch):
    package = tmp_path / "tiny_audio_model"
    package.mkdir()
    np.save(package / "weights.npy", np.array([[1.0, 0.0], [0.0, 2.0]]))
    (package / "__init__.py").write_text(
        "from pathlib import Path\n"
        "import numpy as np\n"
        "def load():\n"
        "    weights = np.load(Path(__file__).parent / 'weights.npy')\n"
        "    return lambda samples: weights @ [samples.mean(), samples.max()]\n"
        "def broken():\n"
        "    return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    fitted = EmbeddingNeighbours(model="tiny_audio_model:load").fit(noise(8))
    of_all = Clips([np.array([[s.mean(), 2 * s.max()]]) for s in noise(8).features], ["00"] * 8)
    np.testing.assert_allclose(fitted.score(noise(8)), NearestNeighbours().fit(of_all).score(of_all), rtol=1e-5)
    with pytest.raises(InputError, match=r"tiny_audio_model:broken\(\) returns int, not a function"):
        EmbeddingNeighbours(model="tiny_audio_model:broken").fit(noise(2))
    with pytest.raises(InputError, match="has no attribute 'nothing'"):
        EmbeddingNeighbours(model="tiny_audio_model:nothing").fit(noise(2))
    with pytest.raises(ModuleNotFoundError, match="no_such_audio_model"):
        EmbeddingNeighbours(model="no_such_audio_model:load").fit(noise(2))


def test_without_a_model_it_is_there_but_left_out_of_a_run_of_all():
    available, unavailable = detectors()
    assert "embedding_knn" not in available
    reason = next(entry.reason for entry in unavailable if entry.name == "embedding_knn")
    assert reason.startswith("needs a pretrained model: model='FILE.pt' (TorchScript), ")
    assert find("embedding_knn") is EmbeddingNeighbours
    assert create("embedding_knn[model='my models/panns.onnx',k=1]").model == "my models/panns.onnx"
    with pytest.raises(InputError, match=r"embedding_knn needs a pretrained model: model='FILE\.pt'"):
        EmbeddingNeighbours().fit(noise(2))


def test_a_path_in_the_label_is_one_folder_of_the_results():
    cell = Cell("embedding_knn[model='models/panns.pt']", "synthetic", "fan", "id_00", 6.0, 0)
    assert cell.folder.split("/") == ["cells", "embedding_knn[model='models%2Fpanns.pt']", "fan", "id_00-6dB-seed0"]


def test_without_onnxruntime_the_missing_module_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(ModuleNotFoundError) as refusal:
        EmbeddingNeighbours(model=str(tmp_path / "model.onnx")).fit(noise(2))
    assert refusal.value.name == "onnxruntime"


def test_files_that_are_no_models_are_refused(tmp_path):
    (tmp_path / "text.pt").write_text("not a model")
    for model, message in (
        (str(tmp_path / "text.pt"), "is no TorchScript file; save one with torch.jit.save"),
        (str(tmp_path / "gone.pt"), "no such file; check the path"),
        (str(tmp_path / "weights.h5"), r"ends in '\.h5'; give model='FILE\.pt'"),
    ):
        with pytest.raises(InputError, match=message):
            EmbeddingNeighbours(model=model, device="cpu").fit(noise(2))


def test_what_a_model_cannot_take_or_give_names_the_clip(tmp_path, monkeypatch):
    fitted = EmbeddingNeighbours(model=save(Frames(), tmp_path / "frames.pt"), device="cpu").fit(noise(6))
    with pytest.raises(InputError, match=r"frames\.pt fails on clip 0 of 150 samples"):
        fitted.score(noise(1, n_samples=150))
    (tmp_path / "sick_audio_model.py").write_text(
        "def number():\n    return lambda samples: 3.0\n"
        "def infinite():\n    return lambda samples: samples[:2] * float('inf')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for function, shape in (("number", r"\(\)"), ("infinite", r"\(2,\)")):
        with pytest.raises(InputError, match=rf"gives shape {shape} for clip 0 of 400 samples; expected is one finite"):
            EmbeddingNeighbours(model=f"sick_audio_model:{function}").fit(noise(2))
