"""The official metrics of DCASE Task 2 against values worked by hand."""

import pandas as pd
import pytest

from benchmarks.evaluation.challenge_metrics import DCASE_2020, DCASE_2021, DCASE_2022, official_score

# Scores by domain and class. Sorted: 1 1 | 1.5a 2 3a 3a 4 5a. Worked by hand:
# source normals against all anomalies: 1 lies below 4 of 4, 2 below 3 of 4: 7/8; target: 4 of 4 and 1 of 4: 5/8.
# One anomaly of 4 lies above all normals, so the ROC is flat at 1/4 up to false-alarm rate 1/4:
# pAUC = 0.5 (1 + (0.1 * 0.25 - 0.005) / 0.095) = 23/38. Of one domain: 3 of 4 pairs in order; 1 of 2 anomalies above
# all normals, so pAUC = 0.5 (1 + (0.1 * 0.5 - 0.005) / 0.095) = 14/19.
SCORES = {
    ("source", "normal"): (1, 2),
    ("source", "anomaly"): (3, 1.5),
    ("target", "normal"): (1, 4),
    ("target", "anomaly"): (3, 5),
}
HAND_WORKED = {
    "2020": (DCASE_2020, {"auc": 3 / 4, "pauc": 23 / 38}, (3 / 4 + 23 / 38) / 2),
    "2021": (
        DCASE_2021,
        {"auc_source": 3 / 4, "pauc_source": 14 / 19, "auc_target": 3 / 4, "pauc_target": 14 / 19},
        2 / (4 / 3 + 19 / 14),
    ),
    "2022": (
        DCASE_2022,
        {"auc_source": 7 / 8, "auc_target": 5 / 8, "pauc": 23 / 38},
        3 / (8 / 7 + 8 / 5 + 38 / 23),
    ),
}
OFFICIAL = {year: official for year, (_, _, official) in HAND_WORKED.items()}


def score_table(scores=SCORES):
    rows = [
        ("test", f"{domain}{kind}{i}", int(kind == "anomaly"), score, domain)
        for (domain, kind), values in scores.items()
        for i, score in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["part", "path", "label", "score", "domain"])


PERFECT = score_table({key: (1, 2) if key[1] == "normal" else (8, 9) for key in SCORES})


def results(*cells, **others):
    """One "ok" row per (detector, machine, unit, seed)."""
    rows = pd.DataFrame(cells, columns=["detector", "machine", "unit", "seed"])
    return rows.assign(**({"snr_db": None, "status": "ok", "message": ""} | others))


@pytest.mark.parametrize("year", HAND_WORKED)
def test_values_of_a_unit_are_those_worked_by_hand(year):
    metric, values, official = HAND_WORKED[year]
    assert metric.of_unit(score_table()) == pytest.approx(values)
    board = official_score(results(("knn", "fan", "id_00", 0)), lambda row: score_table(), metric)
    assert board.loc[0, "official"] == pytest.approx(official)
    assert board.loc[0, list(values)].to_dict() == pytest.approx(values)


def test_official_score_is_over_all_values_of_all_units():
    rows = results(("knn", "fan", "section_00", 0), ("knn", "valve", "section_00", 0))
    board = official_score(rows, lambda row: score_table() if row["machine"] == "fan" else PERFECT, DCASE_2022)
    assert board.loc[0, "official"] == pytest.approx(6 / (8 / 7 + 8 / 5 + 38 / 23 + 3))
    assert board.loc[0, "auc_source"] == pytest.approx(2 / (8 / 7 + 1))
    assert board.loc[0, ["official[fan]", "official[valve]"]].tolist() == pytest.approx([OFFICIAL["2022"], 1])


def test_seeds_are_averaged_before_the_harmonic_mean():
    rows = results(("knn", "fan", "section_00", 0), ("knn", "fan", "section_00", 1))
    board = official_score(rows, lambda row: score_table() if row["seed"] else PERFECT, DCASE_2022)
    assert board.loc[0, "official"] == pytest.approx(3 / (16 / 15 + 16 / 13 + 76 / 61))


@pytest.mark.parametrize("metric", [DCASE_2020, DCASE_2022], ids=["arithmetic", "harmonic"])
def test_a_detector_that_lacks_a_unit_has_no_score_but_its_machines_have(metric):
    rows = results(*[(name, machine, "section_00", 0) for name in ("knn", "gmm") for machine in ("fan", "valve")])
    rows.loc[3, ["status", "message"]] = "error", "no such file"
    board = official_score(rows, lambda row: PERFECT, metric).set_index("detector")
    assert board.loc["knn", "official"] == 1
    assert board.loc["gmm", ["official", "official[valve]"]].isna().all()
    assert board.loc["gmm", "official[fan]"] == 1
    assert board.loc["gmm", "reason"] == "valve section_00, seed 0: error: no such file"
    assert board.index.tolist() == ["knn", "gmm"]


def test_unlabelled_cells_do_not_count():
    rows = results(("knn", "fan", "section_00", 0), ("knn", "Vacuum", "section_00", 0))
    rows.loc[1, "status"] = "unlabelled"
    board = official_score(rows, lambda row: score_table(), DCASE_2022)
    assert (board.loc[0, "official"], board.loc[0, "cells"]) == (pytest.approx(OFFICIAL["2022"]), 1)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda table: table.drop(columns="domain"), "DCASE 2021, auc_source: no column 'domain'"),
        (lambda table: table[table["domain"] == "source"], "DCASE 2021, auc_target: metrics: no clips"),
        (
            lambda table: table[table["path"].str.contains("source|normal")],
            "auc_target: metrics: 2 normal and 0 abnormal",
        ),
    ],
    ids=["no domains", "no target", "no anomaly"],
)
def test_a_score_that_is_not_defined_says_why(spoil, reason):
    board = official_score(results(("knn", "fan", "id_00", 0)), lambda row: spoil(score_table()), DCASE_2021)
    assert pd.isna(board.loc[0, "official"])
    assert reason in board.loc[0, "reason"]
