"""Published figures: what the file holds, means on the same cells, inside or outside our interval, kinds apart."""

import pandas as pd
import pytest

from benchmarks.evaluation.leaderboard import leaderboard
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.leaderboard_table import leaderboard_table
from benchmarks.reporting.published_figures import FOLDER, beside, published, published_rows
from benchmarks.reporting.render_html import html
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown
from features import InputError
from tests.support.made_results import noisy

SET = ["machine", "unit", "snr_db"]
CAPTION = Caption("MIMII", "code", "0", [0], 48, "as published", {"asdbench": "0.1.0"})


def all_cells(**columns):
    """Results of one detector on every public cell of MIMII."""
    figures = published("mimii")
    return figures[SET].drop_duplicates().assign(detector="ours", seed=0, **columns)


def test_the_file_holds_what_was_printed():
    table = pd.read_csv(FOLDER / "mimii.csv")
    paper = table[table["citation_key"] == "purohit2019mimii"]
    assert len(paper) == 84
    assert len(table[table["metric"] == "balanced_accuracy"]) == 48
    assert not table.duplicated(["citation_key", *SET, "metric"]).any()
    assert table["value"].between(0, 1).all()
    assert table.notna().all(axis=None)
    assert set(table.loc[table["public"], "unit"]) == {"id_00", "id_02", "id_04", "id_06"}


def test_the_paper_on_the_public_units_averages_to_its_known_means():
    rows = published_rows(all_cells(), published("mimii")).set_index("detector")
    paper = rows.loc["purohit2019mimii (paper split)"]
    assert [round(paper[f"auc[{snr} dB]"], 3) for snr in (6, 0, -6)] == [0.816, 0.723, 0.644]
    assert paper["cells_ok"] == paper["cells"] == 48
    assert "yachuchi2023rerun (code split)" in rows.index


def test_units_that_were_never_released_are_not_shown():
    assert set(published("mimii")["unit"]) == {"id_00", "id_02", "id_04", "id_06"}


def test_means_are_over_our_cells_and_only_where_all_are_printed():
    ours = all_cells()
    fan = ours[(ours["machine"] == "fan") & (ours["snr_db"] == 6)]
    rows = published_rows(fan, published("mimii")).set_index("detector")
    assert rows.loc["purohit2019mimii (paper split)", "auc"] == pytest.approx(0.9125, abs=0.0005)
    sample = rows.loc["mimii_baseline_code (code split)"]  # it has fan alone, and not id_06 at 6 dB
    assert pd.isna(sample["auc"])
    assert sample["cells_ok"] < sample["cells"] == 4


def test_a_balanced_accuracy_is_never_among_aucs():
    aucs, balanced = published("mimii"), published("mimii", "balanced_accuracy")
    assert set(balanced["citation_key"]) == {"yusufraji2021convae"}
    assert not set(balanced["citation_key"]) & set(aucs["citation_key"])
    assert not published_rows(all_cells(), aucs)["detector"].str.contains("yusufraji").any()
    with pytest.raises(InputError, match="our table has no 'balanced_accuracy'; kinds are never mixed"):
        beside(all_cells(auc=0.7), balanced, "balanced_accuracy")


def test_inside_and_outside_are_told_apart():
    figures = pd.DataFrame(
        {"citation_key": ["in", "out", "edge"], "split": "code", "machine": "fan", "unit": "id_00", "snr_db": 6.0}
    ).assign(value=[0.72, 0.81, 0.8])
    ours = pd.DataFrame(
        {"detector": "a", "machine": "fan", "unit": "id_00", "snr_db": 6.0, "seed": [0, 1]}
        | {"auc": [0.7, 0.76], "auc_low": [0.6, 0.7], "auc_high": [0.78, 0.82]}
    )
    table = beside(ours, figures).set_index("citation_key")
    assert table["inside"].to_dict() == {"in": True, "out": False, "edge": True}
    assert table.loc["in", ["ours", "low", "high"]].tolist() == pytest.approx([0.73, 0.65, 0.80])


def test_figures_without_an_interval_of_ours_have_no_verdict():
    decided = all_cells(balanced_accuracy=0.6)
    table = beside(decided, published("mimii", "balanced_accuracy"), "balanced_accuracy")
    assert len(table) == 48
    assert table["inside"].isna().all()
    with pytest.raises(InputError, match="48 of our cells occur twice; select one threshold rule"):
        beside(pd.concat([decided, decided]), published("mimii", "balanced_accuracy"), "balanced_accuracy")


def test_cells_that_we_did_not_finish_are_left_out():
    ours = all_cells(auc=0.7, auc_low=0.6, auc_high=0.8)
    ours.loc[ours["machine"] == "fan", ["auc", "auc_low", "auc_high"]] = float("nan")
    assert set(beside(ours, published("mimii"))["machine"]) == {"pump", "slider", "valve"}


def test_published_rows_stand_below_the_leaderboard_unranked_and_unmarked():
    results, scores = noisy({"a": 2.0, "b": 1.0}, units=1)  # fan id_00 at 6 and 0 dB
    figures = published("mimii")
    figures = figures[(figures["citation_key"] != "mimii_baseline_code") | (figures["snr_db"] == 6)]
    both = pd.concat([leaderboard(results, scores), published_rows(results, figures)], ignore_index=True)
    lines = markdown(
        leaderboard_table(both, CAPTION, ["rank", "detector", "auc", "interval", "auc[6 dB]"])
    ).splitlines()
    at = next(i for i, line in enumerate(lines) if "Published figures on the same cells" in line)
    paper = next(line for line in lines[at:] if "purohit2019mimii" in line)
    printed = [cell.strip() for cell in paper.split("|")[1:-1]]
    assert printed == ["", "purohit2019mimii (paper split)", "0.690", "", "0.750"]
    assert "**" not in "".join(lines[at:])
    assert lines[-1].startswith("- mimii_baseline_code (code split): 1 of 2 cells; published figures of: Dense auto")
    assert "Published figures" in latex(leaderboard_table(both, CAPTION))
    assert "Published figures" in html(leaderboard_table(both, CAPTION))


def test_published_figures_never_stand_beside_synthetic_results():
    results, scores = noisy({"a": 2.0}, units=1)
    both = pd.concat([leaderboard(results, scores), published_rows(results, published("mimii"))], ignore_index=True)
    synthetic = Caption("Synthetic", "code", "0", [0], 2, "as published", {}, synthetic=True)
    with pytest.raises(InputError, match="published figures beside synthetic results"):
        leaderboard_table(both, synthetic)


def test_unknown_corpora_and_kinds_are_named():
    with pytest.raises(InputError, match=r"none on 'toy'; there are some on (.*, )?mimii"):
        published("toy")
    with pytest.raises(InputError, match="no 'f1' on mimii; kinds: auc, balanced_accuracy"):
        published("mimii", "f1")
