"""How far a long run is: a bar in a terminal, a line per finished share in a log file."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SHARE = 0.05  # of the work; a log gets a line each time that so much is finished

Advance = Callable[[float, int, int], None]  # work done, items done, failures among them


@contextlib.contextmanager
def progress_of(name: str, work: float, n_items: int, console: Console) -> Iterator[Advance]:
    """Show the progress of `work`, in expected seconds or in items; yields what is to be called after each item."""
    if console.is_terminal:
        with _bar(console) as bar:
            task = bar.add_task(name, total=work)
            yield lambda done, items, failures: bar.advance(task, done)
    else:
        yield _Log(name, work, n_items, console).advance


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


@dataclass
class _Log:
    """Prints a line whenever a further share of the work is finished, and at the end."""

    name: str
    work: float
    n_items: int
    console: Console
    done: float = 0.0
    items: int = 0
    failures: int = 0
    shares: int = 0  # finished and printed
    started: float = field(default_factory=time.monotonic)

    def advance(self, done: float, items: int, failures: int) -> None:
        self.done, self.items, self.failures = self.done + done, self.items + items, self.failures + failures
        share = self.done / self.work if self.work else 1.0
        shares = int(share / SHARE + 1e-9)
        if self.items == self.n_items or shares > self.shares:
            self.shares = shares
            self.console.print(self._line(share), markup=False)

    def _line(self, share: float) -> str:
        elapsed = time.monotonic() - self.started
        left = f"{time_text(elapsed / share - elapsed)} left" if self.items < self.n_items else "done"
        counts = f"{self.items} of {self.n_items}, {self.failures} failed"
        return f"{time.strftime('%H:%M:%S')} {self.name:<8} {share:>4.0%}  {counts}  after {time_text(elapsed)}, {left}"


def time_text(seconds: float) -> str:
    """A duration for people.

    >>> time_text(42.4), time_text(90), time_text(3700)
    ('42 s', '2 min', '1 h 02 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
