"""Detectors: one method per file. `contract` and `networks` hold what they share."""

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register

__all__ = ["Clips", "Detector", "register", "vectors"]
