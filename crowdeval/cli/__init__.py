"""The command line: one module for each command, imported when the command is used.

Results go to standard output, everything else to standard error. Only this package uses exit codes:

0    success
2    wrong usage
3    invalid data
4    a file or a dataset is missing
5    a predictor failed
10   a bound of --fail-under, --fail-over or --no-worse-than is not met
11   the interval does not decide whether a bound is met
130  interrupted
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

import click

from crowdeval.cli.leaving import end_in_time
from crowdeval.cli.streams import repair_streams
from crowdeval.cli.verbs import Verbs, exit_code_of
from crowdeval.version import __version__

VERBS = {
    "score": "Score predictions against annotations: nAP, MAE, MSE and more.",
    "compare": "Compare systems: is the difference real?",
    "diagnose": "Say why a number is what it is.",
    "predict": "Run a predictor on a dataset and score it; can be resumed.",
    "run": "Run a suite of predictors on datasets, only what is missing.",
    "leaderboard": "Rank the reports of several models, beside published numbers.",
    "adapters": "List the predictors, describe one, write a new one.",
    "check": "Report every problem of the input files, without a score.",
    "convert": "Convert predictions or annotations to another format.",
    "datasets": "List the benchmark datasets, check a copy, export a split.",
    "p2pnet": "Train, score and run the bundled P2PNet.",
    "metrics": "List the metrics, or print the specification of one.",
    "cite": "Print the BibTeX of crowdeval, of a dataset or of a metric.",
    "signature": "Explain the signature printed with every number.",
    "schema": "Print the JSON Schema of the native JSON formats.",
    "completion": "Print the completion script of a shell.",
}


@click.group(cls=Verbs, package="crowdeval.cli", verbs=VERBS, plugins="crowdeval.commands")
@click.version_option(__version__, prog_name="crowdeval")
def cli() -> None:
    """Evaluate crowd counting and point localization.

    Predictions and annotations are files with the points of each image, one for each person. `crowdeval COMMAND
    --help` explains a command.

    \b
    Examples:
      crowdeval score preds.json gt.json
      crowdeval check preds.json gt.json
      crowdeval metrics nAP
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with the exit code of the command.

    Parameters
    ----------
    args : sequence of str, optional
        The words after ``crowdeval``; by default those of the process.

    Raises
    ------
    SystemExit
        Always.
    """
    repair_streams()
    atexit.register(gc.freeze)  # saves the garbage collections at exit, which take a tenth of a second
    code = 1  # of an exception that is a fault of this package
    try:
        code = exit_code_of(lambda: cli.main(args=args, prog_name="crowdeval", standalone_mode=False))
    finally:
        if args is None:  # the process is a command, and not a program that calls this function
            end_in_time(code)
    sys.exit(code)
