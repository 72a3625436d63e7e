"""crowdeval compare: systems on the same images, with intervals, tests and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crowdeval.cli.choices import DATASET_SPLITS, completer
from crowdeval.cli.inputs import form_of, given_options, quiet_option, refuse_overwriting, root_option, write_result
from crowdeval.cli.preparing import MEETING, meeting_options
from crowdeval.cli.protocol_options import protocol_of, protocol_options
from crowdeval.cli.surety import DIFFERENCES, difference_options
from crowdeval.cli.talk import print_warnings, say_written, stage_progress
from crowdeval.errors import UsageError
from crowdeval.options import REPORT_SUFFIXES

FORMS = ("table", "json", "csv", "markdown", "latex")


@click.command(short_help="Compare systems: is the difference real?")
@click.argument("systems", nargs=-1, metavar="SYSTEM...", shell_complete=completer((), files=True))
@click.option("--truth", metavar="ANNOTATIONS", shell_complete=completer(DATASET_SPLITS, files=True),
              help="True points: a file, or the split of a dataset. Runs and evidence need none.")  # fmt: skip
@root_option
@click.option("--margin", "margins", multiple=True, metavar="METRIC=M",
              help="Call systems equivalent whose difference is surely below M; can be repeated.")  # fmt: skip
@meeting_options
@difference_options
@protocol_options
@click.option("--format", "form", type=click.Choice(FORMS),
              help="Form of the result.  [default: by the suffix of --output, or table]")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="File to write the result to.  [default: standard output]")
@click.option("--claim", metavar="METRIC=A,B",
              help="Judge two published numbers instead: MAE=52.74,50.29, with --mse and --images.")  # fmt: skip
@click.option("--mse", metavar="A,B", help="Root mean squared errors of the two published methods.")
@click.option("--images", type=int, metavar="N", help="Number of test images of the published numbers.")
@click.option("--r", "correlation", type=float, metavar="R", help="Correlation of the errors of the two methods.")
@quiet_option
def compare(
    *,
    systems: tuple[str, ...],
    truth: str | None,
    root: str | None,
    margins: tuple[str, ...],
    form: str | None,
    output: str | None,
    claim: str | None,
    mse: str | None,
    images: int | None,
    correlation: float | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare SYSTEMs on the same images.

    A SYSTEM is a file of predictions, the folder of a run or an evidence file. Differences come with a confidence
    interval, a p-value and a verdict: better, worse, undecided, or equivalent where a margin is given. A verdict needs
    both an interval that excludes 0 and p below 0.05; p is corrected for the number of pairs.

    \b
    Examples:
      crowdeval compare a.json b.json --truth gt.json
      crowdeval compare runs/a runs/b runs/c --preset nwpu -o table.tex
      crowdeval compare a.json b.json --truth gt.json --margin nAP=0.01
      crowdeval compare --claim MAE=52.74,50.29 --mse 85.06,81.01 --images 182
      crowdeval compare --claim MAE=52.74,50.29 --truth shanghaitech-a
    """
    _require_arguments(systems, claim, mse, images, correlation=correlation)
    if claim is not None:
        shown = form or form_of(output, REPORT_SUFFIXES)
        write_result(_claim(claim, mse, images, truth, correlation=correlation, form=shown), output)
        return
    from crowdeval.cli.gates import parse_margins

    given = parse_margins(margins)
    refuse_overwriting([*systems, *([truth] if truth else [])], output)
    settings = {name: options.pop(name) for name in (*MEETING, *DIFFERENCES)}
    if given_options(options):  # without, evidence keeps its own protocol
        settings["protocol"] = protocol_of(options)
    from crowdeval.comparing import compare as compared
    from crowdeval.comparing import names_of

    with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
        stage("comparing")
        named = dict(zip(names_of(systems), systems, strict=True))
        result = compared(named, truth, margins=given, root=root, **settings)
    write_result(result.text(form or form_of(output, REPORT_SUFFIXES)), output)
    say_written([] if quiet else [output])


def _require_arguments(
    systems: Sequence[str], claim: str | None, mse: str | None, images: int | None, *, correlation: float | None
) -> None:
    """Raise UsageError where the arguments are neither systems nor published numbers."""
    if claim is None and (mse or images or correlation is not None):
        raise UsageError("--mse, --images and --r are for published numbers: add --claim MAE=A,B")
    if claim is not None and systems:
        raise UsageError("--claim judges published numbers: leave out SYSTEM")
    if claim is None and len(systems) < 2:
        raise UsageError("expected two SYSTEMs or more, as in: crowdeval compare a.json b.json --truth gt.json")


def _claim(
    claim: str, mse: str | None, images: int | None, dataset: str | None, *, correlation: float | None, form: str | None
) -> str:
    """Return what is known of two published numbers, as text or JSON."""
    if form not in (None, "table", "json"):
        raise UsageError(f"--claim is printed as table or json, not as {form}")
    from crowdeval.render.claim import json, table
    from crowdeval.statistics.claims import judge, parse_claim

    judged = judge(parse_claim(claim, mse, images, dataset), correlation)
    return json(judged) if form == "json" else table(judged)
