"""Detectors: one method per file; what they have in common is in `contract` and `networks`."""

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register

__all__ = ["Clips", "Detector", "register", "vectors"]
