"""Where a number was measured: versions, hardware, threads, commit."""

import os
import platform
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PROJECT = Path(__file__).parents[2]
PACKAGES = ("asdbench", "numpy", "scipy", "torch", "torchaudio", "librosa", "scikit-learn", "pyod", "pandas", "joblib")


@lru_cache(maxsize=1)
def environment() -> dict[str, object]:
    """Versions, hardware and commit of this process, as plain JSON values."""
    return {
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "hardware": {
            "cpu": _cpu_name(),
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "gpu": _gpu_name(),
        },
        "system": f"{platform.system()} {platform.machine()}",
        "commit": _git("rev-parse", "HEAD"),
        "dirty": _dirty(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpu_name() -> str | None:
    torch = sys.modules.get("torch")  # not imported for this alone
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None


def _git(*arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(PROJECT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _dirty() -> bool | None:
    """Whether a Python file of the project differs from the commit, or is not in it; None where there is no commit."""
    status = _git("status", "--porcelain", "--", "*.py")
    return None if status is None else bool(status)
