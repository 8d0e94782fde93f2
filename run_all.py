"""The command line of asdbench: `python run_all.py` runs the benchmark, `python run_all.py --help` explains the rest.

Exit code: 0 all cells are ok, 1 some failed, 2 wrong usage or unusable input; 130 and 143 stopped by a signal.
"""

import re
import signal
import sys
import warnings
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console

from benchmarks.cli import data_commands, result_commands, run_commands
from benchmarks.cli.options import console
from benchmarks.reporting.visible import visible

UsageError: Any = typer.BadParameter.__base__  # of click, which Typer brings along under a private name
LONGEST_MESSAGE = 2000  # characters
LONGEST_WORD = 300  # characters: a path may be long, a name of thousands of letters is a mistake

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
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # names that are no valid text
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        sys.exit(app(standalone_mode=False))
    except UsageError as error:
        where = f" (python run_all.py {error.ctx.info_name} --help)" if error.ctx and error.ctx.parent else " (--help)"
        _say_error(f"{error.format_message()}{where}")
    except Stopped as stopped:
        console.print("\nStopped. What is done is kept; the same command continues from here.")
        sys.exit(stopped.exit_code)
    except ValueError as error:
        from features import InputError

        if not isinstance(error, InputError):
            raise
        _say_error(str(error))
    except OSError as error:  # of a path that no command has looked at more closely, such as a name of 5000 letters
        _say_error(f"{error.filename or 'the operating system'}: {error.strerror or error}; give another path")


def _say_error(message: str) -> NoReturn:
    """Print one short line and end with exit code 2."""
    line = visible(" ".join(re.sub(rf"\S{{{LONGEST_WORD},}}", _shortened, message).split()))
    line = line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]} ..."
    Console(stderr=True, highlight=False).print(f"error: {line}", style="red", markup=False, soft_wrap=True)
    sys.exit(2)


def _shortened(word: re.Match[str]) -> str:
    """The two ends of a long word, and its length."""
    return f"{word[0][:60]}...{word[0][-20:]} ({len(word[0])} characters)"


if __name__ == "__main__":
    main()
