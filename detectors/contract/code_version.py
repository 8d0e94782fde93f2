"""The version of a detector's code, so that a result is never taken for the result of code edited since."""

import hashlib
import sys
from pathlib import Path
from types import ModuleType

from detectors.contract.detector import Detector

_NOT_THE_METHOD = {
    "detectors",
    "detectors.contract",
    "detectors.contract.fields",
    "detectors.contract.registry",
    "detectors.contract.variants",
}  # how a class is found and its fields are checked, not what it does


def code_version(detector: Detector) -> str:
    """Hash of the files that define a detector and its inner detectors, and of all of this package that they use."""
    modules: dict[str, ModuleType] = {}
    for part in _with_inner(detector):
        _collect(sys.modules[type(part).__module__], modules)
    files = sorted(str(module.__file__) for module in modules.values())
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:16]


def _with_inner(detector: Detector) -> list[Detector]:
    return [detector, *(part for inner in detector.inner_detectors for part in _with_inner(inner))]


def _collect(module: ModuleType, seen: dict[str, ModuleType]) -> None:
    seen[module.__name__] = module
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        ours = isinstance(name, str) and name.startswith("detectors.")
        if ours and name not in seen and name not in _NOT_THE_METHOD and name in sys.modules:
            _collect(sys.modules[name], seen)
