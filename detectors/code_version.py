"""The version of a detector's code, so that a result is never taken for the result of code edited since."""

import hashlib
import sys
from pathlib import Path
from types import ModuleType

from detectors.detector import Detector

_NOT_THE_METHOD = {"detectors", "detectors.registry", "detectors.variants"}  # how a class is found, not what it does


def code_version(detector: Detector) -> str:
    """Hash of the file that defines the detector and of all files of this package that it draws on."""
    modules: dict[str, ModuleType] = {}
    _collect(sys.modules[type(detector).__module__], modules)
    files = sorted(str(module.__file__) for module in modules.values())
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:16]


def _collect(module: ModuleType, seen: dict[str, ModuleType]) -> None:
    seen[module.__name__] = module
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        ours = isinstance(name, str) and name.startswith("detectors.")
        if ours and name not in seen and name not in _NOT_THE_METHOD and name in sys.modules:
            _collect(sys.modules[name], seen)
