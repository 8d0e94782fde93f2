"""Where two score tables of one cell differ: the first clip, its part, how much, and how many."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

Verdict = Literal["equal", "within tolerance", "different"]

TOLERANCE = 1e-6  # of the larger of two scores, in absolute value
KEY = ["part", "path"]
COLUMNS = ("label", "domain", "fault", "severity")  # beside the scores


def compare_scores(stored: Path, again: Path) -> tuple[Verdict, str]:
    r"""Compare two scores.csv, clip by clip: the verdict, and where they differ ("" where they are equal).

    "equal": the same clips with the same labels, and every score the same float, to the last bit. "within tolerance":
    every score within 1e-6 of the larger of the two.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     stored, again = Path(folder, "scores.csv"), Path(folder, "again.csv")
    ...     _ = stored.write_text("part,path,label,score\ntest,a.wav,0,0.25\n")
    ...     _ = again.write_text("part,path,label,score\ntest,a.wav,0,0.75\n")
    ...     compare_scores(stored, again)[0]
    'different'
    """
    try:
        before, now = _read(stored), _read(again)
    except (OSError, ValueError) as error:
        return "different", f"{stored.name} cannot be read: {error}"
    both = before.merge(now, how="outer", on=KEY, suffixes=("_then", "_now"), indicator=True)
    both = both.sort_values(["line_then", "line_now"])
    alone = both[both["_merge"] != "both"]
    if len(alone):
        return "different", _clips_differ(alone)
    if difference := _columns_differ(both, [name for name in COLUMNS if name in before and name in now]):
        return "different", difference
    return _scores_differ(both)


def _columns_differ(both: pd.DataFrame, names: Sequence[str]) -> str:
    """The first clip whose label, domain, fault or severity differs, "" where none does."""
    for name in names:
        differing = both[both[f"{name}_then"] != both[f"{name}_now"]]
        if len(differing):
            first = differing.iloc[0]
            return f"{_place(first)}: {name} {first[f'{name}_then']} stored, {first[f'{name}_now']} now"
    return ""


def _read(file: Path) -> pd.DataFrame:
    """The table as text, with `score` as floats (NaN if not a number), `line` number and the score as `written`."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    if lacking := [name for name in (*KEY, "label", "score") if name not in table]:
        raise ValueError(f"no column {', '.join(lacking)} in its first line, found {', '.join(table.columns)}")
    if table.duplicated(KEY).any():
        second = table[table.duplicated(KEY)].iloc[0]
        raise ValueError(f"{second['part']}, {second['path']} occurs twice")
    numbers = [_number(text) for text in table["score"]]
    return table.assign(line=range(2, len(table) + 2), written=table["score"], score=numbers)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _clips_differ(alone: pd.DataFrame) -> str:
    first = alone.iloc[0]
    what = "stored, but not among the clips now" if first["_merge"] == "left_only" else "not stored"
    return f"{_place(first)}: {what}; {len(alone)} such rows"


def _scores_differ(both: pd.DataFrame) -> tuple[Verdict, str]:
    then, now = both["score_then"], both["score_now"]
    difference = (now - then).abs()
    unequal = both[~(then == now)]
    if unequal.empty:
        return "equal", ""
    limit = TOLERANCE * pd.concat([then.abs(), now.abs()], axis=1).max(axis=1)
    within = bool((difference <= limit).all())
    shown = unequal.iloc[0] if within else both[~(difference <= limit)].iloc[0]  # the first that decides
    n_test = (unequal["part"] == "test").sum()
    where = (
        f"{_place(shown)}: {shown['written_then']} stored, {shown['written_now']} now; {len(unequal)} of {len(both)} "
        f"scores differ, {n_test} of them of test clips, by {difference.max():.3g} at most"
    )
    return "within tolerance" if within else "different", where


def _place(row: pd.Series) -> str:
    where = f"scores.csv line {row['line_then']:.0f}, " if pd.notna(row["line_then"]) else ""
    return f"{where}{row['part']}, {row['path']}"
