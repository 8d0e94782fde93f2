"""The version of a detector's code, so that a result is never taken for the result of code edited since."""

import hashlib
import sys
from pathlib import Path
from types import ModuleType

from detectors.contract.detector import Detector

_NOT_THE_METHOD = {
    "detectors",
    "detectors.contract",
    "detectors.contract.registry",
    "detectors.contract.variants",
}  # how a class is found, not what it does


def code_version(detector: Detector) -> str:
    """Hash of the files that define the detector and those inside it, and of all of this package that they draw on."""
    modules: dict[str, ModuleType] = {}
    for part in _parts(detector):
        _collect(sys.modules[type(part).__module__], modules)
    files = sorted(str(module.__file__) for module in modules.values())
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:16]


def _parts(detector: Detector) -> list[Detector]:
    """The detector and those that it holds in lists, as an ensemble does."""
    lists = [value for value in vars(detector).values() if isinstance(value, list)]
    inside = [item for items in lists for item in items if isinstance(item, Detector)]
    return [detector, *(part for item in inside for part in _parts(item))]


def _collect(module: ModuleType, seen: dict[str, ModuleType]) -> None:
    seen[module.__name__] = module
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        ours = isinstance(name, str) and name.startswith("detectors.")
        if ours and name not in seen and name not in _NOT_THE_METHOD and name in sys.modules:
            _collect(sys.modules[name], seen)
