"""The direction of imports, and what a fast start must not load."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "features": {"features"},
    "detectors": {"features", "detectors"},
    "benchmarks": {"features", "detectors", "benchmarks"},
}
OURS = {"features", "detectors", "benchmarks", "run_all"}


def imported(file: Path) -> set[str]:
    """Top-level names of every import of a file, also of those inside functions."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{file}: relative import; write the package's name")
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_import_points_back(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        wrong = imported(file) & OURS - MAY_IMPORT[package]
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize("folder", ["contract", "networks"])
def test_what_methods_share_draws_on_no_method(folder):
    methods = {file.stem for file in (ROOT / "detectors").glob("*.py")} - {"__init__"}
    assert len(methods) > 15
    for file in sorted((ROOT / "detectors" / folder).glob("*.py")):
        drawn = set(re.findall(r"(?:from|import) detectors\.(\w+)", file.read_text()))
        assert not drawn & methods, f"{file.relative_to(ROOT)} imports a method"


@pytest.mark.parametrize("module", ["run_all", "features", "detectors", "detectors.contract.registry"])
def test_naming_a_module_loads_nothing_heavy(module):
    heavy = {"torch", "librosa", "pyod", "matplotlib", "pandas", "pydantic"}
    code = f"import sys, {module}; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "set()"


def test_help_loads_nothing_heavy():
    code = (
        "import sys, run_all\n"
        "sys.argv = ['run_all.py', '--help']\n"
        "try: run_all.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print({'torch', 'librosa', 'pyod', 'matplotlib', 'pandas', 'numpy', 'pydantic'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.splitlines()[-1] == "set()"
    assert "--detectors" in found.stdout
