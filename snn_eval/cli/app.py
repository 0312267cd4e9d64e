"""The ``snn-eval`` command: its subcommands, and the one place where an error becomes a line and an exit code.

Nothing heavier than click and the standard library is imported before a command runs.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

import click

from snn_eval import __version__
from snn_eval.cli.ablate import ablate
from snn_eval.cli.baseline import baseline
from snn_eval.cli.codes import DONE, FAILED_CELLS, NOBODY_READS, STOPPED, WRONG_INPUT
from snn_eval.cli.compare import compare
from snn_eval.cli.correct import correct
from snn_eval.cli.describe import describe
from snn_eval.cli.env import env
from snn_eval.cli.export import export
from snn_eval.cli.history import history
from snn_eval.cli.ls import ls
from snn_eval.cli.nearest import unknown
from snn_eval.cli.run import run
from snn_eval.cli.show import show
from snn_eval.cli.terminal import close_quietly, plain_where_needed
from snn_eval.cli.train import train
from snn_eval.cli.validate import validate

__all__ = ["cli", "main"]


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were added, those needed first at the top."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    epilog="Example:  snn-eval run --models digits model.pth",
)
@click.version_option(__version__, prog_name="snn-eval")
@click.pass_context
def cli(context: click.Context) -> None:
    """Exact, comparable, nearly free evaluation of spiking neural networks."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (run, show, ls, describe, export, train, correct, ablate, validate, compare, baseline, history, env):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    plain_where_needed()
    sys.exit(_code(arguments))


def _code(arguments: list[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    try:
        result = cli.main(words, prog_name="snn-eval", standalone_mode=False, obj=("snn-eval", *words))
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # click makes the second of the first, with 1, which says that a gate failed
        close_quietly(sys.stdout)
        return NOBODY_READS
    except Exception as error:
        told = _told(error, words)
        if told is None:
            raise
        code, line = told
        _say(line)
        return code
    return result if isinstance(result, int) else DONE


def _told(error: Exception, words: Sequence[str]) -> tuple[int, str] | None:
    """Exit code and line for a mistake of the user's or a fault of the machine; None for a fault of ours."""
    from snn_eval.errors import InputError, SnnEvalError

    match error:
        case click.UsageError():
            named = f" {words[0]}" if words and words[0] in cli.commands else ""
            return WRONG_INPUT, f"{error.format_message().rstrip('.')} (snn-eval{named} --help)"
        case click.ClickException():
            return WRONG_INPUT, error.format_message()
        case click.Abort():
            return STOPPED, "stopped; finished parts are kept and the same command goes on from them"
        case InputError():
            return WRONG_INPUT, str(error)
        case SnnEvalError():
            return FAILED_CELLS, str(error)
        case ModuleNotFoundError(name=str(name)) if not name.startswith("snn_eval"):
            told = f"the package {name} is not installed: run ./run_eval.sh, or pip install -r requirements.txt"
            return WRONG_INPUT, told
        case OSError() if error.errno in _OF_THE_MACHINE:
            close_quietly(sys.stdout)
            return WRONG_INPUT, f"{error.filename or 'output'}: {error.strerror}"
        case _ if _out_of_memory(error):
            return WRONG_INPUT, "not enough memory: give a smaller --batch-size; what was measured is kept"
    return None


_OF_THE_MACHINE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
}
"""A full or read-only disk, missing rights, a device that fails: not our fault, and no traceback helps."""


def _out_of_memory(error: Exception) -> bool:
    """Whether Python, torch on the CPU or torch on a GPU says so; torch has a class of its own only for the last."""
    text = str(error)
    if not isinstance(error, MemoryError | RuntimeError):
        return False
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def _say(message: str) -> None:
    click.echo("snn-eval: " + " ".join(message.split()), err=True)
