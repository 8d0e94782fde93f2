"""Run one result again, and say whether the same scores come out: equal, within tolerance, or different and where.

The job of a result is rebuilt from its result.json (corpus, split, channel, detector, seed, threads; all units of the
fit), run into a temporary store with a temporary cache, and its score table compared with the stored one.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cell import Cell
from benchmarks.datasets import Dataset
from benchmarks.exchange.score_difference import Verdict, compare_scores
from benchmarks.run.checksums import ITSELF, SEAL, changes, differing_line
from benchmarks.run.plan import Selection, make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors.contract.variants import create
from features import InputError
from features.cache import FeatureCache

# What a rerun cannot be expected to repeat; `environment` is compared apart.
_MEASURED = ("fit_seconds", "score_seconds", "score_seconds_without_features", "finished", "peak_memory_mib")
_HOW = ("command", "plugins", "device", "traceback", "environment", "schema_version", SEAL)
_UNSEEN = ("threads", *_MEASURED, *_HOW)
_NEEDED = ("status", "identity", "detector", "machine", "unit", "snr_db", "seed", "config", "channel", "split_seed")
_NEEDED_TOO = ("quick", "units", "threads", "device", "environment")  # since schema version 2


@dataclass(frozen=True)
class Reproduction:
    """What came of running a result again.

    verdict: "equal" (bit for bit), "within tolerance" (1e-6 of each score) or "different"; where: "" if equal, else
    the first clip that differs, how much, and how many do.
    changed: files of the result that are not as they were written, and where.
    conditions: what of code, corpus, versions, hardware and commit is not as it was.
    """

    cell: str
    verdict: Verdict
    where: str
    changed: list[str]
    conditions: list[str]


def reproduce(file: Path, dataset: Dataset, folder: Path | None = None) -> Reproduction:
    """Run the result again that `file`, a result.json, describes; `dataset`: its corpus, see `reopen_dataset`.

    Detectors of plugins must be loaded before. The temporary store lies in `folder`. Raises `InputError` where the
    result cannot be read, lacks what a rerun needs, was imported, or no longer fits the corpus or the detectors.
    """
    result = read_result(file)
    changed = _changed(file, result)
    with tempfile.TemporaryDirectory(prefix="asdbench-", dir=folder) as temporary:
        try:
            again, there = _run_again(result, dataset, Path(temporary))
        except InputError as error:
            files = " ".join(f"--plugin {plugin}" for plugin in result.get("plugins", ()))
            hint = [f"it was run with {files}"] if files else []
            raise InputError("; ".join([f"{file}: cannot be run again: {error}", *hint, *changed])) from error
        conditions = _conditions(result, again)
        if ITSELF in changes(file.parent) and not conditions:
            changed.append(f"{ITSELF}: no field that a rerun gives differs, so it is in one of {', '.join(_UNSEEN)}")
        changed += _changed_lines(file.parent, there, result, again)
        noise = "" if result["snr_db"] is None else f" at {result['snr_db']:g} dB"
        cell = f"{result['detector']} on {result['machine']} {result['unit']}{noise}, seed {result['seed']}"
        return Reproduction(cell, *_compare(file.parent, there, result, again), changed, conditions)


def read_result(file: Path) -> dict[str, Any]:
    """Read a result.json that can be run again. Raises `InputError` that says where it is broken."""
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error}); name the result.json of a cell") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{file}: {changes(file.parent)[ITSELF]}; the file was changed or cut short") from error
    lacking = [name for name in (*_NEEDED, *_NEEDED_TOO) if not isinstance(result, dict) or name not in result]
    if isinstance(result, dict) and result.get("scores_only"):
        raise InputError(f"{file}: imported scores, computed elsewhere; only their authors can repeat them")
    if lacking:
        why = "; ".join(changes(file.parent).values()) or "it is of another version"
        raise InputError(f"{file}: no {', '.join(lacking)}; {why}; run this cell again with python run_all.py --force")
    return dict(result)


def _run_again(result: Mapping[str, Any], dataset: Dataset, folder: Path) -> tuple[dict[str, Any], Path]:
    """Run the job of a result; return the new result and the folder of its cell."""
    config = result["config"]
    if result["unit"] not in result["units"]:
        raise InputError(f"unit is {result['unit']!r}, but the fit was on {', '.join(result['units'])}")
    snrs_db = () if result["snr_db"] is None else (result["snr_db"],)
    plan = make_plan(
        dataset,
        Protocol(config["split"], result["channel"], result["split_seed"]),
        {result["detector"]: create(result["detector"])},
        (result["seed"],),
        Selection((result["machine"],), tuple(result["units"]), snrs_db, result["quick"]),
        result["device"] or "auto",
    )
    store = Store(folder / "results")
    runner = Runner(store, FeatureCache(folder / "features"), threads=result["threads"])
    for _ in runner.run(plan, plan.jobs):
        pass
    here = store.root / _cell(result).folder
    return json.loads((here / ITSELF).read_text(encoding="utf-8")), here


def _cell(result: Mapping[str, Any]) -> Cell:
    names = ("detector", "dataset", "machine", "unit", "snr_db", "seed")
    return Cell(*(result.get(name, "") for name in names))


def _changed(file: Path, result: Mapping[str, Any]) -> list[str]:
    """What shows before a rerun: checksums, the name of the folder, the hash of the configuration."""
    found = [f"{name}: {what}" for name, what in changes(file.parent).items()]
    belongs, lies = Path(_cell(result).folder).parts, file.resolve().parent.parts
    if lies[-len(belongs) :] != belongs:
        found.append(f"{ITSELF}: describes {'/'.join(belongs)}, but lies in {'/'.join(lies[-len(belongs) :])}")
    return found


def _changed_lines(stored: Path, there: Path, result: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """In which lines the stored tables were changed, where the rerun gave the very files that were written."""
    found = []
    for name, seal in again[SEAL].items():
        file = stored / name
        if name != ITSELF and seal == result.get(SEAL, {}).get(name) and file.is_file():
            text, written = (path.read_text(errors="replace") for path in (file, there / name))
            if text != written:
                line = differing_line(text, written)
                found.append(f"{name}: line {line} was {_line(written, line)!r}, is {_line(text, line)!r}")
    return found


def _line(text: str, number: int) -> str:
    return (text.split("\n") + [""])[number - 1]


def _conditions(result: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Every field that is not as it was and should be, the configuration's and the environment's one by one."""
    before, now = _flat(result), _flat(again)
    names = [name for name in (before | now) if name.split(".")[0] not in (*_MEASURED, *_HOW) or "environment." in name]
    differing = [name for name in names if before.get(name) != now.get(name)]
    return [f"{name}: {before.get(name)} then, {now.get(name)} now" for name in differing]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"config": {"seed": 0}}` -> `{"config.seed": 0}`."""
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat |= _flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {prefix + name: inner}
    return flat


def _compare(stored: Path, there: Path, result: Mapping[str, Any], again: Mapping[str, Any]) -> tuple[Verdict, str]:
    if (result["status"], again["status"]) != ("ok", "ok"):
        same = (result["status"], result.get("message")) == (again["status"], again["message"])
        then, now = (f"{one['status']} ({one.get('message')})" for one in (result, again))
        return ("equal", "") if same else ("different", f"status {then} then, {now} now")
    return compare_scores(stored / "scores.csv", there / "scores.csv")
