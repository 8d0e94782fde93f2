"""The command line of asdbench: `python run_all.py` runs the benchmark, `python run_all.py --help` explains the rest.

Exit code: 0 all cells are ok, 1 some failed, 2 wrong usage or unusable input.
"""

import sys
import warnings

import typer
from rich.console import Console

from benchmarks.cli import data_commands, result_commands, run_commands
from benchmarks.cli.options import console

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings={"max_content_width": 120})
app.callback(invoke_without_command=True)(run_commands.run)
for commands in (run_commands, data_commands, result_commands):
    app.add_typer(commands.app)


def main() -> None:
    """Run the command line; say what is wrong with the input in one line, without a traceback."""
    warnings.showwarning = lambda message, *_: console.print(f"warning: {message}", style="yellow", markup=False)
    try:
        app()
    except KeyboardInterrupt:
        console.print("\nStopped. What is done is kept; the same command continues from here.")
        sys.exit(130)
    except ValueError as error:
        from features import InputError

        if not isinstance(error, InputError):
            raise
        Console(stderr=True, highlight=False).print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
