"""Manifests: frozen for public MIMII, the same for every form of the same clips."""

import pandas as pd

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.run.manifest import FROZEN, hashes, manifest, public_mimii
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol

CORPUS = Synthetic(machines=("fan", "valve"), snrs_db=(6.0, 0.0), normals=10, anomalies=3)


def groups(split="code"):
    return make_plan(CORPUS, Protocol(split), {}).groups


def test_the_frozen_hashes_of_public_mimii_follow_from_counts_and_names():
    pd.testing.assert_frame_equal(pd.read_csv(FROZEN), public_mimii())


def test_the_frozen_hashes_cover_public_mimii():
    frozen = pd.read_csv(FROZEN)
    assert len(frozen) == 4 * 4 * 3
    assert frozen["hash"].is_unique
    assert frozen[["n_train", "n_test"]].to_numpy().sum() == 54_057
    fan = frozen[(frozen["machine"] == "fan") & (frozen["unit"] == "id_00") & (frozen["snr_db"] == 6)].iloc[0]
    assert (fan["n_train"], fan["n_test"]) == (1011 - 407, 2 * 407)


def test_a_manifest_names_every_clip_once_with_its_part():
    table = manifest(groups())
    assert len(table) == len(CORPUS.clips())
    assert table["path"].is_unique
    assert table.groupby(["part", "label"]).size().to_dict() == {("train", 0): 56, ("test", 0): 24, ("test", 1): 24}


def test_hashes_tell_splits_apart_and_are_the_same_again():
    assert hashes(groups())["hash"].tolist() == hashes(groups())["hash"].tolist()
    assert set(hashes(groups())["hash"]).isdisjoint(hashes(groups("holdout"))["hash"])
