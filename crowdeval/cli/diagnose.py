"""crowdeval diagnose: why a number is what it is."""

from __future__ import annotations

import click

from crowdeval.cli.choices import DATASET_SPLITS, completer
from crowdeval.cli.inputs import form_of, quiet_option, refuse_overwriting, root_option, write_result
from crowdeval.cli.talk import print_warnings, say_written, stage_progress
from crowdeval.options import PAPER_K, REPORT_SUFFIXES

FORMS = ("table", "json", "csv", "markdown")
SUFFIXES = {suffix: form for suffix, form in REPORT_SUFFIXES.items() if form in FORMS}


@click.command(short_help="Say why a number is what it is.")
@click.argument("system", shell_complete=completer((), files=True))
@click.option("--truth", metavar="ANNOTATIONS", shell_complete=completer(DATASET_SPLITS, files=True),
              help="True points: a file, or the split of a dataset. A run needs none.")  # fmt: skip
@root_option
@click.option("--delta", type=float, default=0.5, show_default=True,
              help="Threshold on the normalised distance at which errors are explained.")  # fmt: skip
@click.option("--k", type=int, default=PAPER_K, show_default=True, help="Number of neighbours in the scale d_k.")
@click.option("--format", "form", type=click.Choice(FORMS),
              help="Form of the result.  [default: by the suffix of --output, or table]")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="File to write the result to.  [default: standard output]")
@quiet_option
def diagnose(
    *,
    system: str,
    truth: str | None,
    root: str | None,
    delta: float,
    k: int,
    form: str | None,
    output: str | None,
    quiet: bool,
) -> None:
    """Say why the nAP of SYSTEM is what it is.

    SYSTEM is a file of predictions or the folder of a run. Each false positive and each missed person gets one cause;
    the cost of a cause is the nAP that is gained if it alone is repaired. The sheet also says how far hits lie from
    their people, and which confidence is best to cut at.

    \b
    Examples:
      crowdeval diagnose preds.json --truth gt.json
      crowdeval diagnose preds.json --truth gt.json --delta 0.25 -o why.json
    """
    from crowdeval.diagnosing import diagnose as diagnosed
    from crowdeval.evaluation.protocol import Protocol

    refuse_overwriting([system, *([truth] if truth else [])], output)
    with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
        stage("explaining")
        result = diagnosed(system, truth, delta=delta, protocol=Protocol(k=k), root=root)
    write_result(result.text(form or form_of(output, SUFFIXES)), output)
    say_written([] if quiet else [output])
