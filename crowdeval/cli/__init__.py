"""The command line: one file a verb, imported when the verb is used; the only place that knows exit codes.

0 fine, 2 usage, 3 invalid data, 4 file or dataset missing, 5 predictor failed, 10 gate not met, 130 interrupted.
Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

import click

from crowdeval.cli.streams import settle_streams
from crowdeval.cli.verbs import Verbs, exit_code_of
from crowdeval.version import __version__

VERBS = {
    "score": "Score predictions against annotations: nAP, MAE, MSE and more.",
    "predict": "Run a predictor over a dataset; resumes where it stopped.",
    "run": "Run a suite: predictors x datasets x protocols, only what is missing.",
    "leaderboard": "Rank reports: only what is comparable, published numbers beside.",
    "adapters": "List the predictors there are, describe one, begin a new one.",
    "check": "Report every problem of the files, and score nothing.",
    "convert": "Convert predictions or annotations to another format.",
    "datasets": "List the benchmark datasets, check a copy, export a split.",
    "p2pnet": "Train, score and run the bundled P2PNet.",
    "metrics": "List the metrics, or print the specification of one.",
    "signature": "Explain the signature printed with every number.",
    "schema": "Print the JSON Schema of the native formats.",
    "completion": "Print the completion script of a shell.",
}


@click.group(cls=Verbs, package="crowdeval.cli", verbs=VERBS, plugins="crowdeval.commands")
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
    sys.exit(exit_code_of(lambda: cli.main(args=args, prog_name="crowdeval", standalone_mode=False)))
