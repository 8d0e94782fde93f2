"""Physics of the synthetic corpus: four machines, their faults, the room and the factory around them."""

from benchmarks.datasets.synthesis.faults import NORMAL, Fault
from benchmarks.datasets.synthesis.source import SyntheticAudio, faults_of, units_of

__all__ = ["NORMAL", "Fault", "SyntheticAudio", "faults_of", "units_of"]
