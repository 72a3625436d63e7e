"""The command line: one file a verb, imported when the verb is used; the only place that knows exit codes.

0 fine, 2 usage, 3 invalid data, 4 file or dataset missing, 5 predictor failed, 10 gate not met, 130 interrupted.
Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from crowdeval import __version__
from crowdeval.cli.streams import best_effort, discard, settle_streams
from crowdeval.cli.talk import complain, say
from crowdeval.errors import CrowdevalError, MissingFileError, did_you_mean

VERBS = {
    "score": "Score predictions against annotations: nAP, MAE, MSE and more.",
    "predict": "Run a predictor over a dataset; resumes where it stopped.",
    "run": "Run a suite: predictors x datasets x protocols, only what is missing.",
    "leaderboard": "Rank reports: only what is comparable, published numbers beside.",
    "adapters": "List the predictors there are, describe one, begin a new one.",
    "check": "Report every problem of the files, and score nothing.",
    "convert": "Convert predictions or annotations to another format.",
    "datasets": "List the benchmark datasets, check a copy, export a split.",
    "metrics": "List the metrics, or print the specification of one.",
    "signature": "Explain the signature printed with every number.",
    "schema": "Print the JSON Schema of the native formats.",
    "completion": "Print the completion script of a shell.",
}


class Verbs(click.Group):
    """A group that imports a verb only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb's command."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"crowdeval.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the near verbs when one is unknown."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f"no command is called {args[0]!r}{did_you_mean(args[0], VERBS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="crowdeval")
def cli() -> None:
    """Evaluate crowd counting and point localization.

    \b
    crowdeval score preds.json gt.json --delta 0.05:0.05:0.5
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    settle_streams()
    atexit.register(gc.freeze)  # else the last collections go through every module: a tenth of a second for nothing
    sys.exit(_exit_code(args))


def _exit_code(args: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=args, prog_name="crowdeval", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as problem:
        with best_effort():
            problem.show()
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return 130
    except CrowdevalError as problem:
        complain(problem)
        return problem.exit_code
    except BrokenPipeError:
        discard(sys.stdout)
        return 141
    except OSError as problem:
        discard(sys.stdout)
        where = "standard output can't be written" if problem.filename is None else problem.filename
        complain(f"{where}: {problem.strerror or problem}")
        return MissingFileError.exit_code
    return code if isinstance(code, int) else 0
