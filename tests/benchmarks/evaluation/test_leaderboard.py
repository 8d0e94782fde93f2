"""The leaderboard: means by hand, incomplete detectors, ties, tracks, sanity rows, and errors of the mean."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.evaluation.intervals import auc_interval, delong, raised_variance
from benchmarks.evaluation.leaderboard import leaderboard
from benchmarks.evaluation.sampling_error import p_value, sampling_error
from features import InputError
from tests.support.made_results import noisy, small, table


def board_of(inputs, **marks):
    return leaderboard(*inputs, **marks).set_index("detector")


def test_means_by_hand():
    row = board_of(
        small(
            {
                ("a", "fan", "id_00", 6.0, 0): 1.0,
                ("a", "fan", "id_00", -6.0, 0): 0.5,
                ("a", "fan", "id_02", 6.0, 0): 0.75,
                ("a", "fan", "id_02", -6.0, 0): 0.25,
                ("a", "pump", "id_00", 6.0, 0): 1.0,
                ("a", "pump", "id_00", -6.0, 0): 1.0,
            }
        )
    ).loc["a"]
    assert row["auc"] == pytest.approx(4.5 / 6)
    assert row["auc[6 dB]"] == pytest.approx(2.75 / 3)
    assert row["auc[-6 dB]"] == pytest.approx(1.75 / 3)
    assert row["auc[fan]"] == pytest.approx(2.5 / 4)
    assert row["auc[pump]"] == 1
    assert row["worst_unit"] == pytest.approx(0.5)
    assert (row["cells_ok"], row["cells"], row["reason"]) == (6, 6, "")
    assert (row["fit_seconds"], row["score_seconds"]) == (2.0, 0.5)
    assert (row["rank"], row["tied"]) == (1, False)
    assert row["auc_low"] < row["auc"] < row["auc_high"]


def test_noise_levels_stand_from_quiet_to_loud():
    board = board_of(noisy({"a": 1}, units=1, snrs=(-6.0, 6.0, 0.0)))
    assert [column for column in board.columns if "dB" in column] == ["auc[6 dB]", "auc[0 dB]", "auc[-6 dB]"]


def test_seeds_are_averaged_before_sets():
    # unit 00 has three seeds, unit 02 one: each unit weighs the same
    row = board_of(
        small(
            {
                ("a", "fan", "id_00", 0.0, 0): 0.25,
                ("a", "fan", "id_00", 0.0, 1): 0.5,
                ("a", "fan", "id_00", 0.0, 2): 0.75,
                ("a", "fan", "id_02", 0.0, 0): 1.0,
            }
        )
    ).loc["a"]
    assert row["auc"] == pytest.approx((0.5 + 1.0) / 2)


def test_seed_deviation_is_that_of_the_means_over_cells():
    seeds = {0: (0.5, 0.75), 1: (0.75, 1.0)}
    cells = {("a", "fan", f"id_{u}", 0.0, s): areas[u] for s, areas in seeds.items() for u in (0, 1)}
    assert board_of(small(cells)).loc["a", "seed_sd"] == pytest.approx(np.std([0.625, 0.875], ddof=1))


def test_harmonic_mean_over_all_aucs_and_paucs():
    results, scores = noisy({"a": 1}, units=3)
    values = results[["auc", "pauc"]].to_numpy()
    assert leaderboard(results, scores)["harmonic"][0] == pytest.approx(1 / np.mean(1 / values))
    assert board_of(small({("a", "fan", "id_00", 0.0, 0): 0.0})).loc["a", "harmonic"] == 0


def test_a_corpus_without_snr_has_no_snr_columns():
    board = board_of(small({("a", "fan", "id_00", np.nan, 0): 1.0, ("a", "fan", "id_02", np.nan, 0): 0.5}))
    assert board.loc["a", "auc"] == 0.75
    assert not [column for column in board.columns if "dB" in column]


def test_detectors_that_lack_cells_are_shown_without_rank_or_mean():
    cells = {
        ("whole", "fan", "id_00", 0.0, 0): 0.5,
        ("whole", "pump", "id_00", 0.0, 0): 0.5,
        ("failed", "fan", "id_00", 0.0, 0): 1.0,
        ("failed", "pump", "id_00", 0.0, 0): None,
        ("partial", "pump", "id_00", 0.0, 0): 1.0,
    }
    board = board_of(small(cells))
    assert board.index.tolist() == ["whole", "failed", "partial"]
    assert board["rank"].tolist() == [1, pd.NA, pd.NA]
    assert board.loc[["failed", "partial"], ["auc", "auc_low", "pauc", "worst_unit"]].isna().all(axis=None)
    assert board["cells_ok"].tolist() == [2, 1, 1]
    assert board["cells"].tolist() == [2, 2, 2]
    assert board.loc["failed", "reason"] == "1 out_of_memory: CUDA out of memory"
    assert board.loc["partial", "reason"] == "1 not run"
    assert board.loc["failed", "auc[fan]"] == 1  # all its fan cells are there, so this mean is comparable
    assert np.isnan(board.loc["failed", "auc[pump]"])


def test_a_board_where_everything_failed_still_names_everyone():
    board = board_of(small({("a", "fan", "id_00", 0.0, 0): None, ("b", "fan", "id_00", 0.0, 0): None}))
    assert board["reason"].tolist() == ["1 out_of_memory: CUDA out of memory"] * 2
    assert board["rank"].isna().all()
    assert not board["tied"].any()


def test_scores_of_incomplete_detectors_are_not_read():
    units = {"a": "xyz", "b": "x"}  # b was just started
    results, scores = small({(name, "fan", unit, 0.0, 0): 1.0 for name in "ab" for unit in units[name]})
    asked = []
    leaderboard(results, lambda row: (asked.append(row["detector"]), scores(row))[1])
    assert asked == ["a", "a", "a"]


def test_a_clear_winner_stands_alone_and_the_others_keep_their_places():
    board = board_of(noisy({"low": 0.2, "best": 2.0, "middle": 1.0}))
    assert board.index.tolist() == ["best", "middle", "low"]
    assert board["rank"].tolist() == [1, 2, 3]
    assert not board["tied"].any()


def test_detectors_inside_the_paired_interval_share_rank_1():
    board = board_of(noisy({"a": 1.0, "b": 1.0, "low": 0.0}))
    assert board["rank"].tolist() == [1, 1, 3]
    assert board["tied"].tolist() == [True, True, False]


def test_those_behind_the_best_share_a_rank_too():
    board = board_of(noisy({"best": 3.0, "a": 1.0, "b": 1.0, "low": 0.0}))
    assert board["rank"].tolist() == [1, 2, 2, 4]
    assert board["tied"].tolist() == [False, True, True, False]


def test_ranks_never_contradict_the_means():
    rng = np.random.default_rng(0)
    board = board_of(noisy({f"d{i}": rng.uniform(0.5, 1.2) for i in range(12)}, units=2))
    assert board["auc"].is_monotonic_decreasing
    assert board["rank"].is_monotonic_increasing
    assert board["rank"].nunique() < len(board)


def test_pairing_tells_apart_what_overlapping_intervals_cannot():
    board = board_of(noisy({"a": 1.0, "b": 1.25}, units=2, shared=1.0))
    assert board.loc["a", "auc_high"] > board.loc["b", "auc_low"]
    assert board.loc["a", "rank"] == 2


def test_a_perfect_pair_is_tied_and_its_interval_is_no_point():
    cells = {(name, "fan", f"id_{u}", 0.0, 0): 1.0 for name in "ab" for u in range(3)}
    board = board_of(small(cells))
    assert board["tied"].all()
    assert board["auc_high"].tolist() == [1, 1]
    assert board["auc_low"].tolist() == pytest.approx([0.025 ** (1 / 6)] * 2)  # 3 units with 2 pairs each


def test_detectors_of_a_machine_are_ranked_in_a_track_of_their_own():
    board = board_of(noisy({"a": 0.3, "b": 1.0, "ids": 2.0, "ids2": 0.1}), machine_scope={"ids", "ids2"})
    assert board.index.tolist() == ["b", "a", "ids", "ids2"]
    assert board["track"].tolist() == ["unit", "unit", "machine", "machine"]
    assert board["rank"].tolist() == [1, 2, 1, 2]


def test_sanity_rows_are_marked_and_must_be_beaten():
    board = board_of(noisy({"good": 1.0, "loudness": 0.3, "same": 0.3}), sanity={"loudness", "absent"})
    assert board["sanity"].to_dict() == {"good": False, "loudness": True, "same": False}
    assert bool(board.loc["good", "beats_sanity"]) is True
    assert bool(board.loc["same", "beats_sanity"]) is False
    assert pd.isna(board.loc["loudness", "beats_sanity"])


def test_the_order_of_rows_and_clips_changes_nothing():
    results, scores = noisy({"a": 1.0, "b": 1.1}, units=3)
    shuffled = leaderboard(
        results.sample(frac=1, random_state=1), lambda row: scores(row).sample(frac=1, random_state=2)
    )
    pd.testing.assert_frame_equal(shuffled, leaderboard(results, scores))


def test_validation_and_training_scores_do_not_count():
    results, scores = noisy({"a": 1.0}, units=1)
    extra = table([np.nan, 9.0], labels=(0, 0)).assign(part=["train", "validation"])
    with_extra = leaderboard(results, lambda row: pd.concat([extra, scores(row)], ignore_index=True))
    pd.testing.assert_frame_equal(with_extra, leaderboard(results, scores))


def test_errors_add_straight_within_a_unit_and_in_squares_across_units():
    results, scores = noisy({"a": 0.8, "b": 1.0}, units=3, snrs=(6.0, 0.0))
    own = {}
    for (unit, snr_db), rows in results.groupby(["unit", "snr_db"]):
        a, b = (scores(row) for _, row in rows.sort_values("detector").iterrows())
        aucs, c = delong(a["label"], [a["score"], b["score"]])
        n_abnormal = int(a["label"].sum())
        raised = raised_variance(aucs[0], c[0, 0], len(a) - n_abnormal, n_abnormal)
        own[unit, snr_db] = raised**0.5, (c[0, 0] + c[1, 1] - 2 * c[0, 1]) ** 0.5
    units = sorted(results["unit"].unique())
    expected = [np.sqrt(sum((own[u, 6.0][i] + own[u, 0.0][i]) ** 2 for u in units)) / 6 for i in (0, 1)]
    errors = sampling_error(results, scores)
    assert errors.mean[0] == pytest.approx(expected[0])
    assert errors.difference[0, 1] == pytest.approx(expected[1])
    assert errors.pairs == 3 * 60


def test_a_wider_level_gives_a_wider_interval_of_a_difference():
    errors = sampling_error(*noisy({"a": 0.8, "b": 1.0}, units=2))
    widths = [np.diff(errors.difference_interval("a", "b", 0.1, level))[0] for level in (0.5, 0.95)]
    assert widths[1] / widths[0] == pytest.approx(1.959964 / 0.67449, rel=1e-5)


def test_a_difference_without_error_is_certain_and_none_at_all_says_nothing():
    assert p_value([0.1, 0, -0.1], [0, 0, 0]).tolist() == [0, 1, 0]


def test_the_mean_of_one_cell_has_the_interval_of_that_cell():
    results, scores = noisy({"a": 1.0}, units=1, snrs=(6.0,))
    board, cell = leaderboard(results, scores), scores(results.iloc[0])
    assert tuple(board.loc[0, ["auc_low", "auc_high"]]) == pytest.approx(auc_interval(cell["label"], cell["score"]))


def test_repeating_a_seed_does_not_narrow_the_interval():
    results, scores = noisy({"a": 1.0}, units=2)
    twice = pd.concat([results, results.assign(seed=1)])
    pd.testing.assert_frame_equal(
        leaderboard(twice, lambda row: scores(pd.Series({**row, "seed": 0})))[["auc_low", "auc_high"]],
        leaderboard(results, scores)[["auc_low", "auc_high"]],
    )


def test_missing_scores_are_named():
    results, scores = noisy({"a": 1.0}, units=1, snrs=(6.0,))

    def gone(row):
        raise FileNotFoundError("scores.csv")

    with pytest.raises(InputError, match=r"scores of a, fan id_00 at 6 dB, seed 0: missing .*run this cell again"):
        leaderboard(results, gone)
    with pytest.raises(InputError, match=r"no column \['score'\]"):
        leaderboard(results, lambda row: scores(row).drop(columns="score"))
    with pytest.raises(InputError, match="0 test rows"):
        leaderboard(results, lambda row: scores(row).assign(part="train"))


def test_scores_that_do_not_give_the_auc_of_the_results_are_refused():
    results, scores = noisy({"a": 1.0}, units=1)
    with pytest.raises(InputError, match="older than the scores"):
        leaderboard(results.assign(auc=results["auc"] - 0.01), scores)


def test_detectors_must_have_been_tested_on_the_same_clips():
    results, scores = noisy({"a": 1.0, "b": 1.0}, units=1, snrs=(6.0,))

    def other_clip(row):
        return (
            scores(row).replace({"path": {"00000003.wav": "00000999.wav"}}) if row["detector"] == "b" else scores(row)
        )

    with pytest.raises(InputError, match=r"scores of b and a: in fan id_00 .* differ \(00000003.wav\)"):
        leaderboard(results, other_clip)


def test_results_that_cannot_be_ranked_together_are_refused():
    results, scores = noisy({"a": 1.0}, units=1)
    with pytest.raises(InputError, match="2 corpora"):
        leaderboard(pd.concat([results, results.assign(dataset="other")]), scores)
    with pytest.raises(InputError, match="2 cells occur twice, the first a on fan id_00"):
        leaderboard(pd.concat([results, results]), scores)
    with pytest.raises(InputError, match=r"lack the columns \['auc'\]"):
        leaderboard(results.drop(columns="auc"), scores)
    with pytest.raises(InputError, match="0 corpora"):
        leaderboard(results.iloc[:0], scores)


def test_imported_rows_are_marked_and_say_what_they_were_trained_on():
    results, scores = noisy({"a": 0.8, "theirs": 1.0}, units=2)
    theirs = results["detector"] == "theirs"
    results = results.assign(scores_only=theirs, trained_on=np.where(theirs, "AudioSet", ""))
    results.loc[results.index[theirs][-1], "trained_on"] = "MIMII DUE"
    board = leaderboard(results, scores).set_index("detector")
    assert board["scores_only"].to_dict() == {"a": False, "theirs": True}
    assert board["trained_on"].to_dict() == {"a": "", "theirs": "AudioSet; MIMII DUE"}


def test_a_table_without_a_sanity_row_does_not_say_who_beats_it():
    board = leaderboard(*noisy({"a": 0.8, "b": 1.0}, units=2))
    assert board["beats_sanity"].isna().all()
