"""DCASE Task 2: the layouts of each year, from names to the official score."""

import re

import pandas as pd
import pytest

from benchmarks.datasets.dcase_editions import EDITIONS, Dcase2020, Dcase2021, Dcase2023, open_dcase
from benchmarks.evaluation.challenge_metrics import OFFICIAL_METRICS
from benchmarks.run.protocols import Protocol
from benchmarks.run.store import Store
from features import InputError
from tests.benchmarks.evaluation.test_challenge_metrics import OFFICIAL, SCORES
from tests.support.end_to_end import hum, run
from tests.support.wav_files import wav_bytes, write_wav, write_zip

TRAIN = {"source": 6, "target": 2}
SCORED = [(domain, kind, i, score) for (domain, kind), of in SCORES.items() for i, score in enumerate(of)]


def names_2020(unit):
    """Name of each file of a unit -> how loud it is."""
    train = {f"train/normal_{unit}_{i:08d}.wav": 1 + i / 10 for i in range(5)}
    return train | {f"test/{kind}_{unit}_{2 * i + (d == 'target'):08d}.wav": score for d, kind, i, score in SCORED}


def names_2021(section, test="{domain}_test"):
    attributes = "car_A1_spd_28V"
    train = {
        f"train/{section}_{domain}_train_normal_{i:04d}_{attributes}.wav": 1 + i / 10
        for domain, n in TRAIN.items()
        for i in range(n)
    }
    return train | {
        f"{test.format(domain=domain)}/{section}_{domain}_test_{kind}_{i:04d}.wav": score
        for domain, kind, i, score in SCORED
    }


def names_2022(section):
    named = names_2021(section, "test")
    return {re.sub(r"^(test.*)\.wav", r"\1_.wav", name): loudness for name, loudness in named.items()}


def write_tree(root, machines, names):
    for machine in machines:
        for name, loudness in names.items():
            write_wav(root / machine / name, hum(loudness))
    return root


def write_archives(root, machines, names):
    for machine in machines:
        for part in ("train", "test"):
            members = {
                f"{machine}/{name}": wav_bytes(hum(v)) for name, v in names.items() if part in name.split("/")[0]
            }
            write_zip(root / f"dev_data_{machine}_{part}.zip", members)
    return root


LAYOUTS = {
    "2020": (Dcase2020, names_2020("id_00") | names_2020("id_02")),
    "2021": (Dcase2021, names_2021("section_00")),
    "2022": (Dcase2023, names_2022("section_00")),
}


def facts(clips):
    return [(c.path, c.machine, c.unit, c.snr_db, c.label, c.split, c.domain, c.attributes) for c in clips]


@pytest.mark.parametrize("year", LAYOUTS)
def test_clips_are_what_their_names_say_in_trees_and_archives_alike(tmp_path, year):
    edition, names = LAYOUTS[year]
    clips = edition(write_tree(tmp_path / "tree", ("fan", "ToyCar"), names)).clips()
    for clip in clips:
        name = clip.path.rpartition("/")[2]
        assert (clip.label, clip.split) == (int("anomaly" in name), "train" if "/train/" in clip.path else "test")
        assert clip.unit == re.search(r"(id|section)_\d\d", name)[0]
        assert clip.domain == (None if year == "2020" else "source" if "source" in name else "target")
        assert clip.attributes == ("car_A1_spd_28V" if clip.split == "train" and year != "2020" else "")
        assert clip.snr_db is None
    assert len(clips) == 2 * len(names)
    packed = edition(write_archives(tmp_path / "packed", ("fan", "ToyCar"), names)).clips()
    assert facts(packed) == facts(clips)
    assert (packed[3].audio.read(0)[0] == clips[3].audio.read(0)[0]).all()


@pytest.mark.parametrize("year", LAYOUTS)
def test_a_tree_runs_end_to_end_and_its_table_shows_the_official_score(tmp_path, year):
    edition, names = LAYOUTS[year]
    corpus = edition(write_tree(tmp_path / "corpus", ("fan",), names))
    folder, cells = run(corpus, tmp_path, "loudness", "knn", "mahalanobis")
    assert set(cells["status"]) == {"ok"}
    assert folder.name == "labels-ch0"
    board = pd.read_csv(folder / "official.csv").set_index("detector")
    assert board.loc["loudness", "official"] == pytest.approx(OFFICIAL[year])
    assert board["official"].between(0, 1).all()
    text = (folder / "official.md").read_text()
    assert re.search(rf"\| loudness \(sanity\) +\| +{OFFICIAL[year]:.4f} \|", text)
    scores = Store.scores(folder / "cells/knn/fan" / f"{corpus.clips()[0].unit}-any-snr-seed0")
    assert ("domain" in scores) == (year != "2020")
    if year != "2020":
        assert [domain in path for domain, path in zip(scores["domain"], scores["path"], strict=True)] == [True] * len(
            scores
        )


def test_the_official_table_is_of_the_official_split_alone(tmp_path):
    corpus = Dcase2020(write_tree(tmp_path / "corpus", ("fan",), names_2020("id_00")))
    folder, _ = run(corpus, tmp_path, "loudness", split="holdout")
    assert not list(folder.glob("official*"))


SECRET = {
    "2020": (Dcase2020, ["train/normal_id_05_{:08d}.wav", "test/id_05_{:08d}.wav"], names_2020("id_00")),
    "2021": (
        Dcase2021,
        ["train/section_03_source_train_normal_{:04d}_a.wav", "source_test/section_03_source_test_{:04d}.wav"],
        names_2021("section_00"),
    ),
    "2022": (
        Dcase2023,
        ["train/section_03_source_train_normal_{:04d}_a.wav", "test/section_03_{:04d}.wav"],
        names_2022("section_00"),
    ),
}


@pytest.mark.parametrize("year", SECRET)
def test_an_evaluation_set_is_scored_without_metrics(tmp_path, year):
    edition, patterns, labelled = SECRET[year]
    secret = {pattern.format(i): 1 + i for pattern in patterns for i in range(4)}
    corpus = edition(write_tree(tmp_path / "corpus", ("fan",), labelled | secret))
    folder, cells = run(corpus, tmp_path, "loudness", "random")
    evaluated = cells[cells["unit"].isin(["id_05", "section_03"])]
    assert set(evaluated["status"]) == {"unlabelled"}
    assert evaluated[["auc", "pauc", "ap"]].isna().all(axis=None)
    assert set(evaluated["message"]) == {
        "scored, but without metrics: 0 normal, 0 abnormal and 4 unlabelled test clips"
    }
    scores = Store.scores(folder / f"cells/loudness/fan/{evaluated['unit'].iloc[0]}-any-snr-seed0")
    test = scores[scores["part"] == "test"]
    assert test["label"].isna().all()
    assert test["score"].is_monotonic_increasing
    board = pd.read_csv(folder / "leaderboard.csv").set_index("detector")
    assert (board.loc["loudness", "cells_ok"], board.loc["loudness", "cells"]) == (1, 1)
    assert "the mean over 1 set " in (folder / "leaderboard.md").read_text()
    official = pd.read_csv(folder / "official.csv").set_index("detector")["official"]
    assert official["loudness"] == pytest.approx(OFFICIAL[year])


def test_a_corpus_of_secret_labels_alone_says_so_and_ranks_nobody(tmp_path):
    names = {pattern.format(i): 1 + i for pattern in SECRET["2020"][1] for i in range(4)}
    folder, cells = run(Dcase2020(write_tree(tmp_path / "corpus", ("fan",), names)), tmp_path, "loudness")
    assert cells["status"].tolist() == ["unlabelled"]
    assert (
        "loudness: 0 of 1 cells; 1 unlabelled: scored, but without metrics" in (folder / "leaderboard.md").read_text()
    )
    assert not list(folder.glob("official*"))


BY_LAYOUT = {
    "dcase2020": {"fan": names_2020("id_00")},
    "dcase2021": {"fan": names_2021("section_00")},
    "dcase2022": {"fan": names_2022("section_00") | names_2022("section_01")},
    "dcase2023": {"fan": names_2022("section_00"), "Vacuum": names_2022("section_00")},
    "dcase2024": {"HairDryer": names_2022("section_00")},
    "dcase2025": {"fan": names_2022("section_00") | {"supplemental/section_00_machine_0001_.wav": 1.0}},
}


@pytest.mark.parametrize("name", BY_LAYOUT)
def test_the_edition_is_found_from_its_layout(tmp_path, name):
    for machine, names in BY_LAYOUT[name].items():
        write_tree(tmp_path / "corpus", (machine,), names)
    assert type(open_dcase(tmp_path / "corpus")) is EDITIONS[name]
    assert not any("supplemental" in clip.path for clip in open_dcase(tmp_path / "corpus").clips())


@pytest.mark.parametrize(
    ("folder", "name"),
    [("dcase2024t2/dev_data/raw", "dcase2024"), ("DCASE_2023", "dcase2023"), ("MIMII-DG", "mimii_dg")],
)
def test_the_edition_is_found_from_a_folder_above(tmp_path, folder, name):
    write_tree(tmp_path / folder, ("fan",), names_2022("section_00"))
    assert type(open_dcase(tmp_path)) is EDITIONS[name]


def test_years_that_look_alike_are_named_and_one_can_be_given(tmp_path):
    root = write_tree(tmp_path / "corpus", ("fan",), names_2022("section_00"))
    with pytest.raises(
        InputError, match=r"allow dcase2022, dcase2023, dcase2024, dcase2025; choose one with --dataset"
    ):
        open_dcase(root)
    assert type(open_dcase(root, 2024)) is EDITIONS["dcase2024"]
    with pytest.raises(InputError, match="of 2019: the editions are 2020 to 2025"):
        open_dcase(root, 2019)


def test_editions_side_by_side_are_never_mixed(tmp_path):
    write_tree(tmp_path / "dcase2022t2", ("fan",), names_2022("section_00"))
    write_tree(tmp_path / "dcase2023t2", ("fan",), names_2022("section_00"))
    with pytest.raises(InputError, match="allow dcase2022, dcase2023"):
        open_dcase(tmp_path)
    with pytest.warns(
        UserWarning, match=r"16 WAV files are not clips of DCASE 2023 Task 2 and are left out, e.g. .*2022t2"
    ):
        clips = Dcase2023(tmp_path).clips()
    assert {"dcase2023t2" in str(clip.audio.path) for clip in clips} == {True}


def test_the_layout_of_another_year_is_refused(tmp_path):
    root = write_tree(tmp_path / "corpus", ("fan",), names_2021("section_00"))
    with pytest.raises(
        InputError, match=r"source_test: DCASE 2023 Task 2 has no folder source_test.*choose .*dcase2021"
    ):
        Dcase2023(root).clips()
    with pytest.raises(InputError, match=r"no clip of DCASE 2020 Task 2, found 16 WAV files outside.*normal_id_00"):
        Dcase2020(root).clips()


@pytest.mark.parametrize("opened", [open_dcase, Dcase2020])
def test_a_root_without_clips_says_what_is_there(tmp_path, opened):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=r"no clip of DCASE"):
        opened(tmp_path).clips()
    with pytest.raises(InputError, match=r"nowhere: no folder or zip archive there, found nothing; expected"):
        opened(tmp_path / "nowhere").clips()


def test_what_is_no_clip_is_named_and_a_clip_counts_once(tmp_path):
    names = names_2021("section_00")
    merged = {f"test/{name.partition('/')[2]}": v for name, v in names.items() if not name.startswith("train")}
    root = write_tree(tmp_path / "corpus", ("fan",), names | merged | {"other/a.wav": 1, "train/b.wav": 1})
    with (
        pytest.warns(UserWarning, match="8 of 16 clips found twice"),
        pytest.warns(
            UserWarning, match=r"2 WAV files are not clips of DCASE 2021 Task 2 and are left out, e.g. .*other/a.wav"
        ),
    ):
        clips = Dcase2021(root).clips()
    assert len(clips) == len(names)


def test_an_anomaly_cannot_train(tmp_path):
    names = names_2020("id_00") | {"train/anomaly_id_00_00000009.wav": 1.0}
    clips = Dcase2020(write_tree(tmp_path / "corpus", ("fan",), names)).clips()
    with pytest.raises(InputError, match=r"train/anomaly_id_00_00000009.wav: labelled 1, but only normal clips"):
        Protocol("labels").apply(clips)


def test_another_sample_rate_is_refused(tmp_path):
    root = write_tree(tmp_path / "corpus", ("fan",), names_2020("id_00"))
    write_wav(root / "fan/test/normal_id_00_00000099.wav", hum(1), 44_100)
    _, cells = run(Dcase2020(root), tmp_path, "loudness")
    assert cells["status"].tolist() == ["error"]
    assert "00000099.wav: sampled at 44100 Hz, the corpus at 16000 Hz" in cells["message"].iloc[0]


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_an_edition_says_where_it_comes_from(edition):
    assert edition.licence
    assert edition.citation.startswith("@")
    assert edition.citation.count("{") == edition.citation.count("}")
    assert "arXiv" in edition.citation
    assert "Zenodo record" in edition.citation
    assert edition.official_split == "labels"
    assert OFFICIAL_METRICS[edition.official_metric].title.startswith(f"DCASE {edition.layout}")
