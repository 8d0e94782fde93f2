"""The command line of asdbench: `python run_all.py` runs the benchmark, `python run_all.py --help` explains the rest.

Exit code: 0 all cells are ok, 1 some failed, 2 wrong usage or unusable input; 130 and 143 stopped by a signal.
"""

import signal
import sys
import warnings
from types import FrameType

import typer
from rich.console import Console

from benchmarks.cli import data_commands, result_commands, run_commands
from benchmarks.cli.options import console
from benchmarks.reporting.visible import visible

LONGEST_MESSAGE = 2000  # characters

app = typer.Typer(
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 120, "help_option_names": ["-h", "--help"]},
)
app.callback(invoke_without_command=True)(run_commands.run)
for commands in (run_commands, data_commands, result_commands):
    app.add_typer(commands.app)


class Stopped(BaseException):
    """Ctrl-C or SIGTERM: the process must stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def main() -> None:
    """Run the command line; say what is wrong with the input in one line, without a traceback."""
    warnings.showwarning = lambda message, *_: console.print(f"warning: {message}", style="yellow", markup=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app()
    except Stopped as stopped:
        console.print("\nStopped. What is done is kept; the same command continues from here.")
        sys.exit(stopped.exit_code)
    except ValueError as error:
        from features import InputError

        if not isinstance(error, InputError):
            raise
        text = visible(str(error))
        message = text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} ..."
        Console(stderr=True, highlight=False).print(f"error: {message}", style="red", markup=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
