"""What long work calls while it runs: with its progress, and with messages for the user."""

from collections.abc import Callable
from typing import Literal

Stage = Literal["checking", "downloading", "storing"]
OnStep = Callable[[Stage, str, int, int], object]  # stage, name of the file, bytes done, bytes in total
Say = Callable[[str], object]  # a message of one line


def ignore(*_: object) -> None:
    """The callback that does nothing."""
