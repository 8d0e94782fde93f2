"""Test scores of the store, written as files in the form of DCASE Task 2."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.cell import snr_text
from benchmarks.evaluation.thresholds import gamma_quantile
from benchmarks.run.result import Result
from benchmarks.run.result_fields import Status
from benchmarks.run.store import Store
from features import InputError


def export_scores(root: Path, directory: Path, labels: Sequence[str] = ()) -> list[Path]:
    """Write the test scores in `<results>/<dataset>/<protocol>` in the form of DCASE Task 2; return the files.

    labels: the rows to write; all rows that have scores if empty. Each row gets a folder, with a folder `seed<n>` if
    there are several seeds, and a folder `<snr>dB` if the corpus has noise levels. Sections also get
    `decision_result_...`: 1 where a score is above the 0.9 quantile of a gamma distribution fitted to the training
    scores, as in the baselines of the challenge. Raises `InputError` where there is nothing to write, or `directory`
    is not empty.
    """
    results = _scored(root, labels)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory}: a file or a folder that is not empty; give a new folder, or empty this one")
    several_seeds = len({result.seed for _, result in results}) > 1
    files = []
    for folder, result in results:
        if not labels or result.detector in labels:
            row = directory / _folder_name(result.detector) / (f"seed{result.seed}" if several_seeds else "")
            level = "" if result.snr_db is None else snr_text(result.snr_db)
            files += _write_cell(folder, result, row / level)
    return files


def _scored(root: Path, labels: Sequence[str]) -> list[tuple[Path, Result]]:
    """All results with scores. Raises `InputError` where there are none, or none of one of the labels."""
    results = [(folder, result) for folder, result in Store(root).results() if result.status is Status.OK]
    known = sorted({result.detector for _, result in results})
    if unknown := [label for label in labels if label not in known]:
        raise InputError(f"{root}: no scores of {unknown[0]!r}; there are {', '.join(known) or 'none'}")
    if not results:
        raise InputError(f"{root}: no scores; name a folder <results>/<dataset>/<protocol> that a run has written")
    return results


def _write_cell(folder: Path, result: Result, into: Path) -> list[Path]:
    """Write the files of one cell into the folder `into`; return them."""
    scores = Store.scores(folder)
    test, train = (scores[scores["part"] == part] for part in ("test", "train"))
    is_section = result.unit.startswith("section_")
    stem = _folder_name(f"{result.machine}_{result.unit}{'_test' if is_section else ''}")
    short = dict(zip(scores["path"], _shortest_names(list(scores["path"])), strict=True))
    names = [short[path] for path in test["path"]]
    files = [_write(into / f"anomaly_score_{stem}.csv", names, [repr(float(score)) for score in test["score"]])]
    if is_section and len(train):
        threshold = gamma_quantile(train["score"].to_numpy(dtype=float))
        decisions = [str(int(score > threshold)) for score in test["score"]]
        files.append(_write(into / f"decision_result_{stem}.csv", names, decisions))
    return files


def _folder_name(text: str) -> str:
    """A name inside one folder: the results of others may have paths in their names.

    >>> _folder_name("embedding_knn[model='a/b.pt']"), _folder_name("..")
    ("embedding_knn[model='a%2Fb.pt']", '%2E%2E')
    """
    name = text.replace("/", "%2F")
    return name if name.strip(".") else name.replace(".", "%2E")


def _write(file: Path, names: Sequence[str], values: Sequence[str]) -> Path:
    """Write a line `name,value` for each clip. Raises `InputError` where the disk refuses."""
    lines = [f"{name},{value}\n" for name, value in zip(names, values, strict=True)]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(
            f"{file}: {error.strerror or error}; free space or permission, or name another folder"
        ) from error
    return file


def _shortest_names(paths: list[str]) -> list[str]:
    """File names alone if they identify the clips, otherwise with as many folders as necessary.

    >>> _shortest_names(["fan/normal/0.wav", "fan/abnormal/0.wav"])
    ['normal/0.wav', 'abnormal/0.wav']
    """
    for n in range(1, 1 + max(path.count("/") for path in paths) + 1):
        names = ["/".join(path.split("/")[-n:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return paths
