"""Precomputed clip vectors: what every detector makes of them, and what is wrong with a table said in a line."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets.label_leaks import near_name
from benchmarks.datasets.table import FeatureTable, Vector
from benchmarks.datasets.table_file import ALLOWED
from benchmarks.run.store import Store
from features import InputError, LogMel, PooledLogMel
from tests.support.end_to_end import run
from tests.support.recordings import VECTORS, needs_vectors

KEYS = ["machine", "unit", "snr_db", "label", "file"]
N_VALUES = 6


def frame(n_normal=12, n_abnormal=4):
    """Two units; abnormal clips lie far from the normal ones, on both sides, so that no value alone separates them."""
    rng = np.random.default_rng(0)
    rows, vectors = [], []
    for unit in ("left", "right"):
        for i in range(n_normal + n_abnormal):
            abnormal = i >= n_normal
            rows.append(("press", unit, 6.0, int(abnormal), f"{unit}/{i:03d}.wav"))
            vectors.append(rng.normal(9 * (-1) ** i if abnormal else 0, 1, N_VALUES))
    values = pd.DataFrame(np.array(vectors), columns=[f"v{i}" for i in range(N_VALUES)])
    return pd.concat([pd.DataFrame(rows, columns=KEYS), values], axis=1)


def write(folder, table, suffix=".csv"):
    path = folder / f"vectors{suffix}"
    values = table.columns.difference(KEYS, sort=False)
    if suffix == ".npy":
        np.save(path, table[values].to_numpy())
        table[KEYS].to_csv(path.with_suffix(".csv"), index=False)
    elif suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


def facts(clips):
    return [(c.machine, c.unit, c.snr_db, c.label, c.path, c.split, c.domain) for c in clips]


@pytest.fixture
def table(tmp_path):
    return FeatureTable(write(tmp_path, frame()))


def test_a_row_is_a_clip_and_its_other_columns_are_the_vector(table):
    clips = table.clips()
    assert facts(clips)[0] == ("press", "left", 6.0, 0, "left/000.wav", None, None)
    assert [clip.label for clip in clips] == frame()["label"].tolist()
    vectors = np.stack([clip.audio.read(0)[0] for clip in clips])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, frame().drop(columns=KEYS).to_numpy(np.float32))


def test_an_array_beside_its_csv_is_the_same_table(tmp_path, table):
    (tmp_path / "npy").mkdir()
    array = FeatureTable(write(tmp_path / "npy", frame(), ".npy"))
    assert facts(array.clips()) == facts(table.clips())
    assert [c.audio.identity for c in array.clips()] == [c.audio.identity for c in table.clips()]


@pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
def test_a_parquet_file_is_the_same_table(tmp_path, table):
    parquet = FeatureTable(write(tmp_path, frame().astype({"label": "Int64", "machine": "category"}), ".parquet"))
    assert facts(parquet.clips()) == facts(table.clips())
    assert [c.audio.identity for c in parquet.clips()] == [c.audio.identity for c in table.clips()]


@pytest.mark.skipif(find_spec("pyarrow") is not None, reason="pyarrow is installed")
def test_a_parquet_file_without_pyarrow_says_what_to_install(tmp_path):
    path = tmp_path / "vectors.parquet"
    path.touch()
    with pytest.raises(InputError, match="reading Parquet needs pyarrow; pip install pyarrow"):
        FeatureTable(path).clips()


def test_detectors_of_vectors_run(tmp_path, table):
    names = ("knn", "mahalanobis", "gmm", "iforest", "random")
    folder, cells = run(table, tmp_path, *names)
    assert (cells["status"] == "ok").all()
    assert set(cells["detector"]) == set(names)
    assert cells.loc[cells["detector"] == "mahalanobis", "auc"].tolist() == [1.0, 1.0]
    assert "feature=Vector()" in (folder / "cells/knn/press/left-6dB-seed0/result.json").read_text()


def test_a_feature_that_needs_sound_is_refused_with_a_reason(table):
    assert table.feature_for(PooledLogMel()) == Vector()
    message = "^LogMel is computed from sound, and a table holds one vector per clip; choose a detector with a pooled f"
    with pytest.raises(InputError, match=message):
        table.feature_for(LogMel())


def test_knn_scores_are_those_of_the_vectors_in_the_file(tmp_path):
    """Training vectors (0, 0) and (2, 4) have deviations 1 and 2; in these, (3, 2) lies at (1, -1) from (2, 4)."""
    vectors = {"n0": (0, 0), "n1": (2, 4), "n2": (2, 4), "n3": (0, 0), "a0": (3, 2), "a1": (2, 8)}
    keys = [("press", "a", int(name[0] == "a"), name, "train" if name in ("n0", "n1") else "test") for name in vectors]
    table = pd.DataFrame(keys, columns=["machine", "unit", "label", "file", "split"])
    table[["x0", "x1"]] = list(vectors.values())
    corpus = FeatureTable(write(tmp_path, table))
    assert corpus.official_split == "labels"
    folder, _ = run(corpus, tmp_path, "knn[k=1]")
    scores = Store.scores(folder / "cells/knn[k=1]/press/a-any-snr-seed0").set_index("path")["score"]
    expected = {"a0": np.sqrt(2), "a1": 2, "n2": 0, "n3": 0, "n0": 0, "n1": 0}
    assert scores.to_dict() == pytest.approx(expected)


def test_a_secret_label_and_a_domain_are_kept(tmp_path):
    table = frame().astype({"label": "object"}).assign(domain="target", split="test")
    table.loc[table["label"] == 1, "label"] = ""
    table.loc[:4, ["split", "domain"]] = "train", "source"
    clips = FeatureTable(write(tmp_path, table)).clips()
    assert [clip.label for clip in clips[:16]] == [0] * 12 + [None] * 4
    assert (clips[0].split, clips[0].domain, clips[9].split, clips[9].domain) == ("train", "source", "test", "target")


def test_other_channels_than_the_first_are_refused(table):
    with pytest.raises(InputError, match=r"left/000.wav: channel 'mean' was chosen, but a table has no channels"):
        table.clips()[0].audio.read("mean")
    with pytest.raises(InputError, match=r"left/000.wav: channel 'all' was chosen, but a table has no channels"):
        table.clips()[0].audio.read_all()


def test_the_identity_is_that_of_the_content(tmp_path, table):
    (tmp_path / "b").mkdir()
    assert FeatureTable(write(tmp_path / "b", frame())).identity == table.identity
    assert FeatureTable(write(tmp_path / "b", frame().assign(v0=1.0))).identity != table.identity
    array = FeatureTable(write(tmp_path / "b", frame(), ".npy")).identity
    assert FeatureTable(write(tmp_path / "b", frame().assign(unit="other"), ".npy")).identity != array


def changed(row, column, value):
    def change(table):
        table = table.astype({column: "object"})
        table.loc[row, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["unit", "file"]), r"no column unit, file; found machine, snr_db, label, v0"),
        (lambda t: t[KEYS], "no column beside machine, unit, label, file, snr_db, split, domain"),
        (changed(2, "v3", "loud"), "row 3: v3 is 'loud'; all of a vector must be numbers"),
        (changed(2, "v3", np.nan), "row 3: v3 is nan; a vector must be of finite 32-bit floats"),
        (changed(2, "v3", 1e39), "row 3: v3 is inf; a vector must be of finite"),
        (changed(4, "label", 2), "row 5: label '2'; allowed are 0"),
        (changed(4, "label", "normal"), "row 5: label 'normal'; allowed are 0"),
        (changed(4, "snr_db", "6 dB"), "row 5: snr_db '6 dB'; give a number in dB"),
        (changed(4, "snr_db", "inf"), "row 5: snr_db 'inf'; give a number in dB"),
        (changed(4, "file", "left/000.wav"), "file 'left/000.wav' occurs twice"),
        (changed(4, "file", ""), "row 5: file ''; name each clip"),
        (changed(4, "unit", "../a"), r"unit '../a' cannot be part of a file's name"),
        (lambda t: t.assign(split="half"), "row 1: split 'half'; allowed are train, valid"),
        (lambda t: t[:0], "no rows; give one per clip"),
    ],
)
def test_a_wrong_table_is_refused_with_row_and_value(tmp_path, change, message):
    with pytest.raises(InputError, match=f"vectors.csv.*{message}|left/004.wav: {message}"):
        FeatureTable(write(tmp_path, change(frame()))).clips()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((31, 6)), r"found float64 \(31, 6\); give numbers \(32, n_values\)"),
        (np.zeros(32), r"found float64 \(32,\)"),
        (np.full((32, 2), "a"), r"found <U1 \(32, 2\)"),
        (np.full((32, 2), np.inf), "row 1: 0 is inf"),
        (np.array([object()] * 32), "cannot be read as an array"),
    ],
    ids=["rows", "flat", "text", "infinite", "objects"],
)
def test_a_wrong_array_is_refused(tmp_path, array, message):
    path = write(tmp_path, frame(), ".npy")
    np.save(path, array, allow_pickle=True)
    with pytest.raises(InputError, match=f"vectors.npy.*{message}"):
        FeatureTable(path).clips()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "give a table that ends in .csv, .parquet, .npy"),
        ("a.csv", None, "cannot be read as a table"),
        ("a.csv", b"", "cannot be read as a table"),
        ("a.csv", b"\xff\xfe\x00", "cannot be read as a table"),
        ("a.npy", b"", r"a.csv: cannot be read as a table"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        FeatureTable(tmp_path / name).clips()


def test_further_columns_beside_an_array_are_refused(tmp_path):
    path = write(tmp_path, frame(), ".npy")
    frame()[[*KEYS, "v0"]].to_csv(path.with_suffix(".csv"), index=False)
    with pytest.raises(InputError, match=r"vectors.csv: column 'v0' is none of machine, unit"):
        FeatureTable(path).clips()


NEAR_NAMES = {
    "snr_db": ("snr", "SNR", "snr db", "SNR_dB", "snr-db", "snrdb", "snr_db.1", "snr_db "),
    "label": ("Label", "labels", "lable", "label.1", "label_x", "y", "y_true", "target", "class", "abnormal", "anomaly")
    + ("is_anomaly", "isAbnormal", "is normal", "outlier", "severity"),
    "machine": ("Machine", "machines", "machine_type", "machine type"),
    "unit": ("units", "Unit", "unit_id", "machine_id", "model_id", "section"),
    "file": ("File", "filename", "file_name", "files", "path", "id", "clip_id", "index", "Unnamed: 0"),
    "split": ("Split", "splits", "fold", "subset", "is_train"),
    "domain": ("Domain", "domains"),
}
FAR_NAMES = (
    "x",
    "v0",
    "of_unit",
    "main",
    "mfcc1",
    "unit_17",
    "label0_mean",
    "slope",
    "tile",
    "spectralFlux",
    "loudness_sma3_amean",
    "0",
)


@pytest.mark.parametrize(("name", "key"), [(name, key) for key, names in NEAR_NAMES.items() for name in names])
def test_a_column_named_nearly_like_a_key_column_is_refused(tmp_path, name, key):
    advice = rf"rename it to '{key}' if it is that, else remove it" if key == "domain" else ""
    message = rf"vectors.csv: column '{name}' looks like the key column '{key}'; .*{advice}"
    with pytest.raises(InputError, match=message):
        FeatureTable(write(tmp_path, frame().assign(**{name: np.arange(32.0)}))).clips()


def test_the_error_names_the_key_column_that_is_meant(tmp_path):
    table = frame().rename(columns={"snr_db": "snr"})
    path = tmp_path / "vectors.csv"
    table.to_csv(path, index=False)
    with pytest.raises(InputError, match=r"column 'snr' looks like the key column 'snr_db'; rename it to 'snr_db'"):
        FeatureTable(path).clips()
    table.assign(snr_db=6).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"column 'snr' looks like the key column 'snr_db'; remove one of the two"):
        FeatureTable(path).clips()


@pytest.mark.parametrize("name", FAR_NAMES)
def test_other_names_are_values_of_the_vector(name):
    assert near_name(name, ALLOWED) is None


COPIES = {
    "same": lambda label: label,
    "inverted": lambda label: 1 - label,
    "floats": lambda label: label.astype(float),
    "truth values": lambda label: label == 1,
    "-1 and 1": lambda label: 2 * label - 1,
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_a_copy_of_the_label_is_refused(tmp_path, copy, suffix):
    table = frame()
    path = write(tmp_path, table.assign(v6=copy(table["label"])).astype({"v6": float}), suffix)
    named = "'v6'" if suffix == ".csv" else "'6'"
    with pytest.raises(InputError, match=rf"vectors\{suffix}: column {named} is a copy of the label.*; remove it"):
        FeatureTable(path).clips()


def test_a_copy_of_the_label_is_recognised_on_the_labelled_rows(tmp_path):
    table = frame()
    table = table.assign(v6=table["label"]).astype({"label": "object"})
    table.loc[[0, 31], "label"] = ""
    table.loc[[0, 31], "v6"] = 7
    with pytest.raises(
        InputError, match="column 'v6' is a copy of the label, 0 for each normal clip and 1 for each ab"
    ):
        FeatureTable(write(tmp_path, table)).clips()


def test_a_constant_value_is_no_copy_of_the_label(tmp_path):
    table = frame().assign(v6=0, v7=1)
    assert len(FeatureTable(write(tmp_path, table)).clips()) == 32
    only_normal = table[table["label"] == 0]
    assert len(FeatureTable(write(tmp_path, only_normal)).clips()) == 24


def test_a_value_that_separates_the_classes_is_named_in_a_warning(tmp_path):
    table = frame()
    rising = table.groupby("unit").cumcount()  # 0 to 11 are normal, 12 to 15 abnormal
    of_unit = rising + 100 * (table["unit"] == "right")  # separates within each unit, not over both
    in_one = rising.where(table["unit"] == "right", 5)
    path = write(tmp_path, table.assign(over_all=-rising, of_unit=of_unit, in_one=in_one))
    message = r"vectors.csv: each of the columns 'over_all', 'of_unit' separates normal from abnormal .* check that it"
    with pytest.warns(UserWarning, match=message):
        assert len(FeatureTable(path).clips()) == 32


def test_a_value_that_separates_units_of_one_class_each_is_named(tmp_path):
    table = frame()
    table["unit"] = table["unit"] + table["label"].astype(str)
    path = write(tmp_path, table.assign(v6=table["label"] * 3 + np.arange(32) / 32))
    with pytest.warns(UserWarning, match=r"vectors.csv: column 'v6' separates normal from abnormal clips without"):
        FeatureTable(path).clips()


def test_the_title_says_what_the_vectors_are(tmp_path, table):
    assert table.full_title == f"Feature table {table.folder[6:]}, vectors of 6 values: v0, v1, v2, and 3 more"
    (tmp_path / "npy").mkdir()
    assert FeatureTable(write(tmp_path / "npy", frame(), ".npy")).full_title.endswith(", vectors of 6 values")
    short = FeatureTable(write(tmp_path, frame()[[*KEYS, "v0", "v1"]]))
    assert short.full_title.endswith(", vectors of 2 values: v0, v1")


@needs_vectors
@pytest.mark.parametrize(
    ("file", "n_clips", "title"),
    [
        ("mfcc136.npy", 23_451, ", vectors of 136 values"),
        ("egemaps6.parquet", 9_755, ", vectors of 88 values: F0semitoneFrom27.5Hz_sma3nz_amean, "),
    ],
)
def test_vectors_of_real_clips_are_accepted(file, n_clips, title):
    if file.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    table = FeatureTable(VECTORS / file)
    assert len(table.clips()) == n_clips
    assert title in table.full_title
