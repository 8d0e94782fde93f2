"""How far a long piece of work has come: bytes, speed, time left."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["checking", "downloading", "storing"]

_WINDOW = 10.0  # s that the speed is averaged over
_INTERVAL = 0.1  # s between two steps


@dataclass(frozen=True)
class Step:
    """A moment of work on one file; done and total in bytes."""

    stage: Stage
    name: str
    done: int
    total: int
    per_second: float  # bytes, over the last seconds; 0 before it is known

    @property
    def seconds_left(self) -> float | None:
        """At the present speed; None before it is known."""
        return (self.total - self.done) / self.per_second if self.per_second > 0 else None


OnStep = Callable[[Step], None]
Say = Callable[[str], None]


def ignore(_: object) -> None:
    """The callback of those who do not want to know."""


class Meter:
    """Tells `on_step` of one stage of work on one file: at its start, about ten times a second, and at its end."""

    def __init__(self, on_step: OnStep, stage: Stage, name: str, done: int, total: int) -> None:
        self.on_step, self.stage, self.name, self.total = on_step, stage, name, total
        self.seen = deque([(time.monotonic(), done)])
        on_step(Step(stage, name, done, total, 0.0))

    def at(self, done: int) -> None:
        now = time.monotonic()
        if done < self.seen[-1][1]:  # started again
            self.seen.clear()
        elif now - self.seen[-1][0] < _INTERVAL and done < self.total:
            return
        self.seen.append((now, done))
        while len(self.seen) > 2 and now - self.seen[0][0] > _WINDOW:
            self.seen.popleft()
        since, first = self.seen[0]
        seconds = now - since
        self.on_step(Step(self.stage, self.name, done, self.total, (done - first) / seconds if seconds > 0 else 0.0))


def size_text(n_bytes: float) -> str:
    """`10158673161 -> "10.16 GB"`, in powers of ten as disks are sold."""
    for unit, factor, digits in (("GB", 1e9, 2), ("MB", 1e6, 1), ("kB", 1e3, 1)):
        if abs(n_bytes) >= factor:
            return f"{n_bytes / factor:.{digits}f} {unit}"
    return f"{n_bytes:.0f} bytes"
