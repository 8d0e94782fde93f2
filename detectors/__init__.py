"""Detectors: the contract, the registry, the conformance checks, and one method per file."""

from detectors.detector import Clips, Detector, vectors
from detectors.registry import register

__all__ = ["Clips", "Detector", "register", "vectors"]
