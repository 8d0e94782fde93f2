"""The registry: which detectors exist, and under which names.

To add a detector, put a file that registers it into the folder `detectors/`. Other packages add theirs with the entry
point group `asdbench.detectors`; `load_plugin` imports one from any file.
"""

import difflib
import importlib
import importlib.util
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from detectors.contract.detector import Detector
from features import InputError

ENTRY_POINT_GROUP = "asdbench.detectors"
METHODS = Path(__file__).resolve().parents[1]  # the folder `detectors/`: one method per file
OUR_PACKAGES = ("features", "detectors", "benchmarks", "run_all")

_registered: dict[str, type[Detector]] = {}


@dataclass(frozen=True)
class Unavailable:
    """A detector that cannot run as it is, and what it needs."""

    name: str
    reason: str


def register(name: str) -> Callable[[type[Detector]], type[Detector]]:
    """Register a detector dataclass under `name` (lower snake, the file's name or a family prefix of it).

    Raises `InputError` where the name is malformed, reserved for a file of `detectors/`, or taken by another class,
    which the message names.

    >>> import numpy as np
    >>> from features import Feature, Level
    >>> __name__ = "twice_the_level"  # the file that this is in
    >>> @register("twice_the_level")
    ... @dataclass
    ... class TwiceTheLevel(Detector):
    ...     feature: Feature = Level()
    ...
    ...     def fit(self, clips):
    ...         return self
    ...
    ...     def score(self, clips):
    ...         return np.array([2 * frames.item() for frames in clips.features])
    >>> find("twice_the_level").__name__
    'TwiceTheLevel'
    >>> _ = _registered.pop("twice_the_level")
    """

    def add(detector: type[Detector]) -> type[Detector]:
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            raise InputError(f"register({name!r}) on {_place(detector)}: use lower_snake_case")
        _check_owner(name, detector)
        if "__dataclass_fields__" not in vars(detector):
            raise InputError(f"register({name!r}) on {_place(detector)}: put @dataclass between it and the class")
        taken = _registered.get(name)
        if taken is not None and _place(taken) != _place(detector):
            raise InputError(f"detector name {name!r} is taken twice: {_place(taken)} and {_place(detector)}")
        _registered[name] = detector
        detector.registered_as = name
        return detector

    return add


def _check_owner(name: str, detector: type[Detector]) -> None:
    """Raise `InputError` where one of our files registers a name that is not its own, or another file one of ours."""
    file = Path(_file(detector) or "-").resolve()
    ours = file.parent == METHODS
    if ours and file.stem not in _prefixes(name):
        raise InputError(f"register({name!r}) in detectors/{file.name}: name it {file.stem!r} or '{file.stem}_...'")
    if not ours and (owner := reserved_by(name)):
        raise InputError(f"detector name {name!r} is reserved for {owner}; rename {_place(detector)}, e.g. my_{name}")


def reserved_by(name: str) -> str:
    """Return the file of this package that alone may register a name, whether it is loaded or not; "" if none.

    >>> reserved_by("knn"), reserved_by("pyod_of_mine"), reserved_by("my_knn")
    ('detectors/knn.py', 'detectors/pyod.py', '')
    """
    owners = [f"detectors/{stem}.py" for stem in _prefixes(name) if (METHODS / f"{stem}.py").is_file()]
    return owners[0] if owners else ""


def _place(detector: type[Detector]) -> str:
    return f"{detector.__qualname__} in {_file(detector) or detector.__module__}"


def _file(detector: type[Detector]) -> str | None:
    return getattr(sys.modules.get(detector.__module__), "__file__", None)


def load_plugin(file: Path | str) -> list[str]:
    """Import a Python file from anywhere and return the names of the detectors that it registers.

    Raises `InputError` that names the file and the line where the file cannot be run; then nothing is registered.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise InputError(f"--plugin {file}: no such file")
    module_name = f"asdbench_plugin_{path.stem}"
    before = set(_registered)
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"--plugin {file}: not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        _undone_on_failure(partial(spec.loader.exec_module, module))
    except (Exception, SystemExit) as error:  # the code of others may raise anything
        sys.modules.pop(module_name)
        line = _line_in(path, error)
        raise InputError(f"--plugin {file}{line}: cannot be imported: {_reason(error)}; correct it there") from error
    added = [name for name, cls in _registered.items() if name not in before or cls.__module__ == module_name]
    if not added:
        raise InputError(f'--plugin {file}: registers no detector; put @register("name") above its class')
    return added


def _undone_on_failure(load: Callable[[], object]) -> None:
    """Run an import; where it fails, forget the detectors of others that it registered before."""
    before = set(_registered)
    try:
        load()
    except BaseException:
        for name in set(_registered) - before:
            if not reserved_by(name):  # ours stay: their modules are imported, and will not be imported again
                del _registered[name]
        raise


def _line_in(file: Path, error: BaseException) -> str:
    """` line 3`: the last line of this file that was at work, "" where none was."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if isinstance(error, SyntaxError) and error.filename == str(file):
        lines.append(error.lineno)
    return f" line {lines[-1]}" if lines and lines[-1] else ""


def _reason(error: BaseException) -> str:
    """What an import raised, in a line."""
    if isinstance(error, SystemExit):
        return f"it ends the program with exit code {error.code}"
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return text if isinstance(error, InputError) and text else f"{type(error).__name__}: {text}".removesuffix(": ")


def detectors() -> tuple[dict[str, type[Detector]], list[Unavailable]]:
    """Import all detectors; return those that can run, by name, and those that cannot.

    The latter need a third-party module, or a field that has no useful default (`Detector.needs`), or are entry points
    of other packages that fail.
    """
    unavailable = []
    files = [module.name for module in pkgutil.iter_modules([str(METHODS)]) if not module.ispkg]
    for stem in sorted(files):
        missing = _missing_module(partial(importlib.import_module, f"detectors.{stem}"))
        if missing:
            unavailable.append(_not_installed(stem, missing))
    unavailable += filter(None, map(_failure_of, entry_points(group=ENTRY_POINT_GROUP)))
    unavailable += [Unavailable(name, f"needs {cls.needs}") for name, cls in sorted(_registered.items()) if cls.needs]
    return {name: cls for name, cls in sorted(_registered.items()) if not cls.needs}, unavailable


def _failure_of(entry: EntryPoint) -> Unavailable | None:
    """Load an entry point; return why it cannot be loaded, None if it can. It never ends the program."""
    try:
        missing = _missing_module(partial(_undone_on_failure, entry.load))
    except (Exception, SystemExit) as error:  # the code of others may raise anything
        return Unavailable(entry.name, f"its entry point {entry.value} fails: {_reason(error)}")
    return _not_installed(entry.name, missing) if missing else None


def is_registered(name: str) -> bool:
    """Return whether its class could be imported, even if it cannot run as it is."""
    return name in _registered


def _not_installed(name: str, module: str) -> Unavailable:
    return Unavailable(name, f"needs {module}: pip install {module}")


def _missing_module(load: Callable[[], object]) -> str | None:
    """Run an import; return the third-party module that is missing. A missing module of ours is a bug and raises."""
    try:
        load()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in OUR_PACKAGES:
            raise
        return missing
    return None


def find(name: str) -> type[Detector]:
    """Return the detector class of this name, and import no more than needed.

    Raises `InputError` if there is none, with the nearest name.

    >>> find("knn").__name__
    'NearestNeighbours'
    """
    for stem in _prefixes(name):
        if name not in _registered and (METHODS / f"{stem}.py").is_file():
            _missing_module(partial(importlib.import_module, f"detectors.{stem}"))
    if name in _registered:
        return _registered[name]
    known, unavailable = detectors()
    if name in known:
        return known[name]
    for entry in unavailable:
        if entry.name in _prefixes(name):
            raise InputError(f"detector {name!r} is unavailable: {entry.reason}")
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    lacking = "".join(f"; unavailable: {entry.name} ({entry.reason})" for entry in unavailable)
    raise InputError(f"no detector {name!r}{hint} There are: {', '.join(known)}{lacking}")


def _prefixes(name: str) -> list[str]:
    """`pyod_lof` -> `["pyod_lof", "pyod"]`: the files that may hold a detector of this name."""
    words = name.split("_")
    return ["_".join(words[:n]) for n in range(len(words), 0, -1)]
