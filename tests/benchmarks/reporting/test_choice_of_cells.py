"""A store with unequal seeds and a stray cell: its tables, a report on a part of it, and the removal of cells."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

import run_all
from benchmarks.cli import result_output
from benchmarks.evaluation.cell_choice import CellChoice
from benchmarks.evaluation.stored_results import load_results
from benchmarks.reporting.full_report import ReportOptions, write_full_report
from benchmarks.reporting.leaderboard_files import make_report, write_leaderboard
from benchmarks.run.store import Store
from features import InputError
from tests.support.small_store import CORPUS, make_store

SMALL = replace(CORPUS, machines=("fan", "valve"), units=("id_00", "id_02"), snrs_db=(6.0,))
FOREST = "iforest[trees=5]"
STRAY = CellChoice(machines=("pump",))


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Three detectors on four sets, one of them with three seeds; knn is on a fifth set too; read only."""
    folder = tmp_path_factory.mktemp("grid")
    make_store(folder, ("knn", "mahalanobis"), SMALL)
    make_store(folder, (FOREST,), SMALL, seeds=(0, 1, 2))
    return make_store(folder, ("knn",), replace(SMALL, machines=("pump",), units=("id_04",)))


@pytest.fixture
def copied(grid, tmp_path):
    return shutil.copytree(grid, tmp_path / "synthetic" / grid.name)


def test_the_grid_is_ranked_and_explained_in_its_caption(grid):
    report = make_report(grid)
    assert report.board["rank"].notna().all()
    assert report.board.set_index("detector")["seeds"].to_dict() == {"knn": "1", "mahalanobis": "1", FOREST: "3"}
    caption = str(report.caption)
    assert "the mean over 4 sets (machine, unit, SNR)" in caption
    assert "Seeds: 0, 1, 2, averaged per row, as many as its column Seeds." in caption
    assert "Not ranked on pump id_04 at 6 dB (knn): too few detectors have results there" in caption
    assert "clean removes stray cells" in caption
    assert "pump" not in set(report.results["machine"])


def test_every_file_of_the_report_is_on_the_same_sets(copied):
    write_full_report(copied)
    assert len(pd.read_csv(copied / "results.csv")) == 4 + 4 + 12 + 1
    assert "Seeds" in (copied / "leaderboard.md").read_text()
    for name in ("thresholds", "cell_intervals", "cell_pairs"):
        assert set(pd.read_csv(copied / f"report/{name}.csv")["machine"]) == {"fan", "valve"}
    pairs = pd.read_csv(copied / "report/cell_pairs.csv")
    both = pairs[(pairs["detector"] == FOREST) & (pairs["other"] == "knn")]
    assert both.groupby("unit")["seed"].nunique().tolist() == [3, 3]
    board = pd.read_csv(copied / "leaderboard.csv").set_index("detector")["auc"]
    differences = pd.read_csv(copied / "report/differences.csv")
    assert len(differences) == 3
    for row in differences.to_dict("records"):
        assert row["difference"] == pytest.approx(board[row["detector"]] - board[row["other"]])
        assert f"The mean AUC of {row['detector']} was {row['difference']:.3f} higher" in row["sentence"]
        assert row["sentence"] in (copied / "report/report.md").read_text()
    assert r"\label{tab:differences}" in (copied / "report/differences.tex").read_text()
    faults = pd.read_csv(copied / "report/auc_per_severity.csv").set_index("detector")
    assert faults.drop(columns=["synthetic", "caption"]).notna().all(axis=None)


@pytest.mark.parametrize(
    ("choice", "rows", "said"),
    [
        (STRAY, {"knn": 1}, "Limited to machines pump."),
        (CellChoice(machines=("fan",), seeds=(1, 2)), {"knn": 2, "mahalanobis": 2, FOREST: 4}, "seeds 1, 2."),
        (CellChoice(detectors=("knn", FOREST), units=("id_00",)), {"knn": 2, FOREST: 6}, "units id_00."),
        (CellChoice(snrs_db=(6.0,), seeds=(0,)), {"knn": 5, "mahalanobis": 4, FOREST: 4}, "SNRs 6 dB; seeds 0."),
    ],
)
def test_a_report_covers_what_is_chosen(grid, choice, rows, said):
    report = make_report(grid, choice)
    assert report.chosen.groupby("detector").size().to_dict() == rows
    assert said in str(report.caption)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            CellChoice(machines=("fun",)),
            "--machines fun: no such result .* are fan, pump, valve",
        ),
        (CellChoice(detectors=("vae",)), "--detectors vae: .* there are iforest"),
        (CellChoice(machines=("fan",), snrs_db=(3.0,)), "--snrs 3: .* there are 6"),
        (CellChoice(detectors=(FOREST,), seeds=(7,)), "--seeds 7: no chosen cell has them; there are 0, 1, 2"),
    ],
)
def test_a_choice_of_nothing_says_what_there_is(grid, choice, message):
    with pytest.raises(InputError, match=message):
        make_report(grid, choice)


def test_a_row_of_a_reduced_budget_is_found_by_its_name():
    cells = pd.DataFrame({"detector": ["vae@cpu", "vae@cpu[latent=4]"], "machine": "fan"})
    cells = cells.assign(unit="id_00", snr_db=6.0, seed=0)
    assert CellChoice(detectors=("vae",)).rows(cells)["detector"].tolist() == ["vae@cpu"]
    assert CellChoice(detectors=("vae[latent=4]",)).rows(cells)["detector"].tolist() == ["vae@cpu[latent=4]"]


def test_clean_lists_and_removes_the_cells_that_are_named(copied):
    write_leaderboard(copied)
    console = Console(record=True, width=200)
    listed = result_output.list_cells(copied, STRAY, console)
    assert "knn on pump id_04 at 6dB, seed 0" in console.export_text()
    assert len(Store(copied).folders()) == 21  # nothing is removed yet
    result_output.remove_cells(copied, listed, console)
    assert "pump" not in set(load_results(copied)["machine"])
    assert not (copied / "cells/knn/pump").exists()
    assert not list((copied / "cells").glob(".partial-*"))
    assert "Not ranked" not in (copied / "leaderboard.md").read_text()
    assert len(pd.read_csv(copied / "results.csv")) == 20


def test_clean_removes_a_broken_cell_too(copied):
    (folder,) = (copied / "cells/knn/pump").iterdir()
    (folder / "result.json").write_text("{")
    assert result_output.list_cells(copied, STRAY, Console(quiet=True)) == [folder]


def test_the_command_asks_first(copied):
    n_cells = len(Store(copied).folders())
    clean = ["clean", str(copied)]
    nothing = CliRunner().invoke(run_all.app, clean)
    assert "clean: name the cells with --detectors" in str(nothing.exception)
    refused = CliRunner().invoke(run_all.app, [*clean, "--machines", "pump"], input="n\n")
    assert "Remove 1 cell?" in refused.output
    assert len(Store(copied).folders()) == n_cells
    done = CliRunner().invoke(run_all.app, [*clean, "--machines", "pump", "--yes"])
    assert done.exit_code == 0
    assert len(Store(copied).folders()) == n_cells - 1


def test_the_report_prints_what_it_writes(copied):
    console = Console(record=True, width=250)
    result_output.report(copied, ReportOptions(), "", CellChoice(("knn",), ("fan",)), console)
    auc = pd.read_csv(copied / "leaderboard.csv")["auc"]
    printed = console.export_text()
    assert all(f"{value:.3f}" in printed for value in auc)
    assert "Limited to detectors knn; machines fan." in " ".join(printed.split())
    assert "Limited to detectors knn; machines fan." in (copied / "leaderboard.md").read_text()
