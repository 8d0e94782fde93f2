"""Real recordings for tests, where they are: the folder that the variable ASDBENCH_TEST_DATA names.

The folder holds `mimii_sample/0_dB_fan.zip` (40 clips of MIMII) and `mimii_vectors/` (vectors of MIMII clips). Neither
is part of the project; tests that need them are skipped where the variable is not set.
"""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("ASDBENCH_TEST_DATA", "recordings-not-given")).resolve()
SAMPLE = FOLDER / "mimii_sample" / "0_dB_fan.zip"
VECTORS = FOLDER / "mimii_vectors"

needs_sample = pytest.mark.skipif(not SAMPLE.is_file(), reason="ASDBENCH_TEST_DATA names no folder with MIMII clips")
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="ASDBENCH_TEST_DATA names no folder with MIMII vectors")
