"""crowdeval compare: systems on the same images, with intervals, tests and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.choices import DATASET_SPLITS, completer
from crowdeval.cli.inputs import quiet_option, refuse_overwriting, root_option, write_result
from crowdeval.cli.protocol_options import protocol_of, protocol_options
from crowdeval.cli.surety import surety_of, surety_options
from crowdeval.cli.talk import print_warnings, say_written, stage_progress
from crowdeval.errors import UsageError
from crowdeval.options import REPORT_SUFFIXES

if TYPE_CHECKING:
    from crowdeval.statistics.certainty import Resampling

FORMS = ("table", "json", "csv", "markdown", "latex")


@click.command(short_help="Compare systems: is the difference real?")
@click.argument("systems", nargs=-1, metavar="SYSTEM...", shell_complete=completer((), files=True))
@click.option("--truth", metavar="ANNOTATIONS", shell_complete=completer(DATASET_SPLITS, files=True),
              help="True points: a file, or the split of a dataset. Runs and evidence need none.")  # fmt: skip
@root_option
@click.option("--margin", "margins", multiple=True, metavar="METRIC=M",
              help="Call systems equivalent whose difference is surely below M; can be repeated.")  # fmt: skip
@surety_options
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
    if claim is not None:
        if systems:
            raise UsageError("--claim judges published numbers: leave out SYSTEM")
        write_result(_claim(claim, mse, images, truth, correlation=correlation, form=form), output)
        return
    if len(systems) < 2:
        raise UsageError("expected two SYSTEMs or more, as in: crowdeval compare a.json b.json --truth gt.json")
    given = parse_margins(margins)
    refuse_overwriting([*systems, *([truth] if truth else [])], output)
    surety = _surety(options)
    from crowdeval.comparing import compare as compared
    from crowdeval.comparing import names_of

    chosen: Any = protocol_of(options) if _is_given() else None
    settings = {name: getattr(surety, name) for name in ("resamples", "seed", "cluster", "cluster_id", "exact")}
    with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
        stage("comparing")
        named = dict(zip(names_of(systems), systems, strict=True))
        result = compared(
            named, truth, margins=given, root=root, ci=surety.level or 0.95,
            **({} if chosen is None else {"protocol": chosen}), **settings,
        )  # fmt: skip
    write_result(result.text(form or _form_of(output)), output)
    say_written([] if quiet else [output])


def _surety(options: dict[str, Any]) -> Resampling:
    """Return how intervals of differences are made; raise UsageError for a method that they don't have."""
    surety = surety_of(options)
    if surety.method != "bootstrap-t":
        raise UsageError(f"--ci-method {surety.method}: differences have symmetric bootstrap-t intervals")
    return surety


def parse_margins(texts: Sequence[str]) -> dict[str, float]:
    """Return the margins that the options set.

    Parameters
    ----------
    texts : sequence of str
        ``METRIC=NUMBER`` each.

    Returns
    -------
    dict of str to float

    Raises
    ------
    UsageError
        If a text is not METRIC=NUMBER.

    Examples
    --------
    >>> parse_margins(["nAP=0.01"])
    {'nAP': 0.01}
    """
    margins = {}
    for text in texts:
        name, equals, bound = text.rpartition("=")
        try:
            margins[name] = float(bound)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(f"--margin: expected METRIC=NUMBER, as in nAP=0.01, found {text!r}")
    return margins


def _is_given() -> bool:
    """Return whether an option of the protocol is given; evidence otherwise has its own."""
    from click.core import ParameterSource

    context = click.get_current_context()
    names = ("delta", "k", "metrics", "preset", "off_image", "count_threshold", "ap", "pool", "lone")
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return any(context.get_parameter_source(name) not in default for name in names)


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


def _form_of(output: str | None) -> str:
    """Return the form that the suffix of a file means; ``table`` for standard output."""
    if output is None or output == "-":
        return "table"
    suffix = Path(output).suffix.lower()
    if suffix not in REPORT_SUFFIXES:
        raise UsageError(f"-o {output}: expected a name that ends in {', '.join(REPORT_SUFFIXES)}; or add --format")
    return REPORT_SUFFIXES[suffix]
