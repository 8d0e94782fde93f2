"""What is wrong with a machine, and how badly."""

from typing import NamedTuple


class Fault(NamedTuple):
    """Kind and severity of a fault; severity 0 is a sound machine, 1 the worst that the corpus holds."""

    kind: str
    severity: float

    def of(self, kind: str) -> float:
        """Return the severity if the fault is of this kind, else 0."""
        return self.severity if self.kind == kind else 0.0


NORMAL = Fault("normal", 0.0)


def graded(kinds: tuple[str, ...], index: int) -> Fault:
    """Return the fault of the anomalous clip `index`: kinds take turns, severities spread evenly over 0.3 to 1.

    Multiples of the golden ratio modulo 1 fill an interval evenly however many are taken.
    """
    golden = 0.6180339887498949
    return Fault(kinds[index % len(kinds)], 0.3 + 0.7 * ((index // len(kinds) + 0.5) * golden % 1.0))
