"""Running a result again: equal for five kinds of detector; a changed byte is found."""

import io
import json
import os
import shutil
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmarks.cell import Cell
from benchmarks.cli import result_output
from benchmarks.exchange.reproduce import read_result, reopen_dataset, reproduce
from benchmarks.exchange.score_difference import compare_scores
from benchmarks.run.checksums import CHECKSUM_FILE, checksum_text
from benchmarks.run.protocols import Protocol
from detectors import Detector
from detectors.contract import registry
from features import Feature, InputError, PooledLogMel
from tests.support.small_store import CORPUS, make_store


def fan(detector):
    """The folder of a detector's cell on fan id_00 at 6 dB, below the folder of the protocol."""
    return Cell(detector, "synthetic", "fan", "id_00", 6.0, 0).folder


@pytest.fixture
def cell(store_root, tmp_path):
    """A copy of a result of mahalanobis, in a folder of the same names."""
    there = fan("mahalanobis")
    return shutil.copytree(store_root / there, tmp_path / there)


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def rewrite(cell, **fields):
    """Write other fields into a result, with checksums that hold."""
    result = json.loads((cell / "result.json").read_text())
    (cell / "result.json").write_text(json.dumps(result | fields, indent=1) + "\n")
    (cell / CHECKSUM_FILE).write_text(checksum_text(cell))


def again(cell):
    return reproduce(cell / "result.json", CORPUS)


@pytest.mark.parametrize(
    "detector", ["mahalanobis", "knn[k=3]", "iforest[trees=20]", "dense_ae@cpu[epochs=1]", "random"]
)
def test_five_kinds_of_detector_give_the_same_scores_bit_for_bit(store_root, detector):
    found = reproduce(store_root / fan(detector) / "result.json", CORPUS)
    assert (found.verdict, found.where, found.changed) == ("equal", "", [])
    assert [line for line in found.conditions if "environment" not in line] == []
    assert found.cell == f"{detector} on fan id_00 at 6 dB, seed 0"


def test_a_changed_digit_of_a_score_is_found_with_its_line(cell):
    scores = pd.read_csv(cell / "scores.csv", dtype=str)
    before = scores.loc[2, "score"]
    after = ("8" if before[0] != "8" else "7") + before[1:]
    change(cell / "scores.csv", f",{before},", f",{after},")
    found = again(cell)
    assert found.verdict == "different"
    assert found.where.startswith(f"scores.csv line 4, test, {scores.loc[2, 'path']}: {after} stored, {before} now")
    assert f"1 of {len(scores)} scores differ, 1 of them of test clips" in found.where
    assert "scores.csv: not the bytes that were written" in found.changed
    assert any(line.startswith("scores.csv: line 4 was ") for line in found.changed)


def test_the_last_digit_is_within_tolerance_and_still_named(cell):
    score = pd.read_csv(cell / "scores.csv", dtype=str).loc[0, "score"]
    change(cell / "scores.csv", f",{score},", f",{score[:-1]}{'1' if score[-1] != '1' else '2'},")
    found = again(cell)
    assert found.verdict in ("within tolerance", "equal")  # the last digit may be smaller than the last bit
    assert any(line.startswith("scores.csv: line 2 was ") for line in found.changed)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("test,", "tesu,", "line 2, tesu, 6_dB_fan/"),
        ("normal/000000", "mormal/000000", "line 2, test, 6_dB_fan/fan/id_00/mormal"),
        (".wav,0,", ".wav,1,", "line 2, test, 6_dB_fan"),
        ("path", "paht", "no column path in its first line"),
    ],
    ids=["part", "path", "label", "header"],
)
def test_any_changed_byte_of_the_scores_is_found(cell, old, new, where):
    change(cell / "scores.csv", old, new)
    found = again(cell)
    assert found.verdict == "different"
    assert where in found.where
    assert any("scores.csv: line" in line for line in found.changed)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"n_train": 14', '"n_train": 15', "n_train: 15 then, 14 now"),
        ('"sanity": false', '"sanity": true ', "sanity: True then, False now"),
        ('"scope": "unit"', '"scope": "machine"', "scope: machine then, unit now"),
        ('"feature_code": "', '"feature_code": "x', "config.feature_code: x"),
        ('"asdbench": "', '"asdbench": "1', "environment.versions.asdbench: 1"),
    ],
)
def test_a_changed_field_is_named(cell, old, new, where):
    change(cell / "result.json", old, new)
    found = again(cell)
    assert (found.verdict, found.changed) == ("equal", ["result.json: its content is not what was written"])
    assert any(where in line for line in found.conditions)


def test_a_changed_field_that_a_rerun_does_not_repeat_is_narrowed_down(cell):
    change(cell / "result.json", '"command": "python', '"command": "pythom')
    changed = again(cell).changed
    assert changed[0] == "result.json: its content is not what was written"
    assert "all fields that a rerun repeats are the same; one of " in changed[1]
    assert {"fit_seconds", "command"} <= set(changed[1].replace(",", "").split())


def test_the_folder_shows_a_changed_unit(cell):
    change(cell / "result.json", '"unit": "id_00"', '"unit": "id_02"')
    with pytest.raises(InputError, match=r"describes cells/mahal.*id_02-6dB-seed0, but is in cells/mahal.*id_00"):
        again(cell)


def test_a_changed_seed_of_the_detector_shows(cell):
    change(cell / "result.json", '"seed": 0', '"seed": 1')
    found = again(cell)
    assert any("id_00-6dB-seed1, but is in" in line for line in found.changed)
    assert "seed: 1 then, 0 now" in found.conditions  # a detector without a seed runs as seed 0


def test_a_broken_result_says_line_and_column(cell):
    lines = (cell / "result.json").read_text().splitlines()
    number = 1 + next(i for i, line in enumerate(lines) if '"unit"' in line)
    change(cell / "result.json", '"unit": "id_00",', '"unit": "id_00";')
    with pytest.raises(InputError, match=rf"result.json: line {number}, column 17: no JSON .* the file was changed"):
        read_result(cell / "result.json")


def test_a_field_of_a_wrong_value_is_refused_by_its_name(cell):
    change(cell / "result.json", '"scope": "unit"', '"scope": "unix"')
    with pytest.raises(InputError, match=r"result.json: scope: Input should be 'unit' or 'machine'.*run_all.py"):
        again(cell)


def test_results_of_older_versions_and_imports_say_why_they_cannot_be_repeated(cell, tmp_path):
    result = json.loads((cell / "result.json").read_text())
    (cell / "result.json").write_text(json.dumps(result | {"schema_version": 2}))
    with pytest.raises(InputError, match=r"result.json: written by version 2 of the format, not 4; run .* run_all.py"):
        read_result(cell / "result.json")
    lacking = {name: value for name, value in result.items() if name not in ("units", "device")}
    (cell / "result.json").write_text(json.dumps(lacking))
    with pytest.raises(InputError, match=r"units: Field required; device: Field required; .*run_all.py"):
        read_result(cell / "result.json")
    imported = {"scores_only": True, "trained_on": "theirs", "config": result["config"] | {"scores": "0" * 16}}
    (cell / "result.json").write_text(json.dumps(result | imported))
    with pytest.raises(InputError, match="computed elsewhere"):
        read_result(cell / "result.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_result(tmp_path / "nothing.json")


def test_the_corpus_is_opened_by_its_name(cell, tmp_path):
    result = read_result(cell / "result.json")
    assert reopen_dataset(result, None).identity == CORPUS.identity
    on_mimii = result.model_copy(update={"config": result.config.model_copy(update={"dataset": "mimii"})})
    with pytest.raises(InputError, match="nowhere"):
        reopen_dataset(on_mimii, tmp_path / "nowhere").clips()


def test_another_corpus_is_named_with_the_clips_that_differ(cell):
    other = type(CORPUS)(**{**vars(CORPUS), "normals": 18})
    found = reproduce(cell / "result.json", other)
    assert found.verdict == "different"
    assert any(line.startswith("config.dataset_identity: ") for line in found.conditions)
    assert any(line.startswith("manifest: ") for line in found.conditions)
    assert "stored, but not among the clips now" in found.where


def test_a_failure_is_repeated_too(cell):
    (cell / "scores.csv").unlink()
    rewrite(cell, status="error", message="no idea")
    found = again(cell)
    assert (found.verdict, found.where) == ("different", "status error (no idea) then, ok () now")
    assert found.changed == []


def test_the_draw_of_the_split_is_repeated(tmp_path):
    root = make_store(tmp_path, ("random",), protocol=Protocol("paper", seed=3))
    found = reproduce(root / fan("random") / "result.json", CORPUS, tmp_path)
    assert (found.verdict, found.conditions) == ("equal", [])


@dataclass
class ByUnits(Detector):
    """A detector for tests whose scores depend on the units of the fit."""

    feature: Feature = PooledLogMel()
    scope = "machine"

    def fit(self, clips):
        self.units_ = sorted(set(clips.units))
        return self

    def score(self, clips):
        return np.array([len(self.units_) * float(frames.mean()) for frames in clips.features])


def test_a_fit_over_all_units_is_repeated_with_all_units(tmp_path, monkeypatch):
    monkeypatch.setitem(registry._registered, "by_units", ByUnits)
    root = make_store(tmp_path, ("by_units",))
    result = root / fan("by_units") / "result.json"
    assert json.loads(result.read_text())["units"] == ["id_00", "id_02"]
    found = reproduce(result, CORPUS)
    assert (found.verdict, found.changed) == ("equal", [])


def table(file, scores, paths="abcd"):
    rows = zip(paths, scores, strict=True)
    file.write_text("part,path,label,score\n" + "".join(f"test,{path},0,{score!r}\n" for path, score in rows))
    return file


def test_tolerance_by_hand(tmp_path):
    stored = table(tmp_path / "a.csv", [1.0, -2000.0, 0.0, 5e-9])
    for other, verdict in (
        ([1.0, -2000.0, 0.0, 5e-9], "equal"),
        ([1.0 + 9e-7, -2000.001, 0.0, 5e-9], "within tolerance"),
        ([1.0 + 2e-6, -2000.0, 0.0, 5e-9], "different"),
        ([1.0, -2000.0, 1e-300, 5e-9], "different"),  # nothing is near 0 but 0
        ([float(np.nextafter(1, 2)), -2000.0, 0.0, 5e-9], "within tolerance"),
    ):
        assert compare_scores(stored, table(tmp_path / "b.csv", other))[0] == verdict


def test_the_first_that_is_out_of_tolerance_is_shown(tmp_path):
    stored = table(tmp_path / "a.csv", [1.0, 2.0, 3.0, 4.0])
    verdict, where = compare_scores(stored, table(tmp_path / "b.csv", [1.0 + 1e-9, 2.0, 3.5, 4.25]))
    assert verdict == "different"
    assert where == (
        "scores.csv line 4, test, c: 3.0 stored, 3.5 now; 3 of 4 scores differ, 3 of them of test clips, by 0.5 at most"
    )


def test_a_clip_that_is_new_is_named(tmp_path):
    stored = table(tmp_path / "a.csv", [1.0, 2.0], "ab")
    verdict, where = compare_scores(stored, table(tmp_path / "b.csv", [1.0, 2.0, 3.0], "abc"))
    assert (verdict, where) == ("different", "test, c: not stored; 1 such rows")


def test_the_command_prints_the_verdict_and_what_was_changed(cell, monkeypatch):
    monkeypatch.setattr("benchmarks.cli.result_output.reopen_dataset", lambda result, data: CORPUS)
    console = Console(file=io.StringIO(), width=300)
    assert result_output.reproduce(cell, None, console)
    assert console.file.getvalue() == "mahalanobis on fan id_00 at 6 dB, seed 0: equal\n"
    change(cell / "scores.csv", ".wav,0,", ".wav,1,")
    assert not result_output.reproduce(cell / "result.json", None, console)
    text = console.file.getvalue()
    assert "mahalanobis on fan id_00 at 6 dB, seed 0: different\n  scores.csv line 2, test, " in text
    assert "label 1 stored, 0 now" in text
    assert "  changed since it was written: scores.csv: line 2 was " in text


def test_another_kind_of_anomaly_is_a_difference(tmp_path):
    file = tmp_path / "scores.csv"
    file.write_text("part,path,label,score,fault,severity\ntest,a,1,0.5,grit,0.7\n")
    other = tmp_path / "again.csv"
    other.write_text(file.read_text().replace("grit", "oil"))
    assert compare_scores(file, other) == ("different", "scores.csv line 2, test, a: fault grit stored, oil now")


def test_a_detector_of_a_plugin_that_was_not_loaded_is_named_with_its_file(cell):
    rewrite(cell, detector="theirs", plugins=["/home/us/theirs.py"])
    with pytest.raises(InputError, match=r"no detector 'theirs'.*the run had --plugin /home/us/theirs\.py"):
        again(cell)


EVIL = """
from pathlib import Path

Path({mark!r}).write_text("imported")

def go():
    Path({mark!r}).write_text("called")
    return lambda samples: samples[:4]
"""


def with_model(cell, label):
    """The same result under a label that names a model."""
    rewrite(cell, detector=label)
    return cell / "result.json"


@pytest.mark.parametrize("form", ["embedding_knn[model={!r}]", "ensemble[members={!r}]"])
def test_a_function_that_a_result_names_runs_only_if_the_user_names_it_too(cell, tmp_path, monkeypatch, form):
    mark = tmp_path / "mark"
    (tmp_path / "evil_mod.py").write_text(EVIL.format(mark=str(mark)))
    monkeypatch.syspath_prepend(tmp_path)
    named = "evil_mod:go" if "model" in form else "knn+embedding_knn[model='evil_mod:go']"
    file = with_model(cell, form.format(named))
    with pytest.raises(InputError, match=r"would load or run .*evil_mod:go.*add --trust"):
        reproduce(file, CORPUS)
    assert not mark.exists()
    if "model" in form:
        assert reproduce(file, CORPUS, trusted=[named]).verdict == "different"
        assert mark.read_text() == "called"


@pytest.mark.parametrize(
    "label", ["embedding_knn[model='net.pt']", "embedding_knn[model=net.onnx]", "vae[x='\\x2fetc']"]
)
def test_a_file_that_a_result_names_is_not_opened(cell, label):
    with pytest.raises(InputError, match="would load or run"):
        again(with_model(cell.parent / cell.name, label).parent)


def test_a_result_that_asks_for_too_many_threads_or_clips_is_refused(cell):
    config = json.loads((cell / "result.json").read_text())["config"]
    rewrite(cell, config=config | {"threads": 10**9})
    with pytest.raises(InputError, match="threads is 1000000000; a run has at most 1024"):
        again(cell)


def test_a_pipe_beside_a_result_is_refused(cell):
    (cell / CHECKSUM_FILE).unlink()
    os.mkfifo(cell / CHECKSUM_FILE)
    with pytest.raises(InputError, match="a pipe, a device or a socket, which is not opened"):
        read_result(cell / "result.json")
