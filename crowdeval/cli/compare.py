"""crowdeval compare: systems on the same images, with intervals, tests and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.choices import DATASET_SPLITS, completer
from crowdeval.cli.inputs import quiet_option, refuse_overwriting, root_option, write_result
from crowdeval.cli.protocol_options import protocol_of, protocol_options
from crowdeval.cli.surety import surety_of
from crowdeval.cli.talk import print_warnings, say_written, stage_progress
from crowdeval.errors import UsageError
from crowdeval.options import EXTRA, ID_STYLES, MISSING, REPORT_SUFFIXES, RESAMPLES, SEED

if TYPE_CHECKING:
    from crowdeval.statistics.certainty import Resampling

FORMS = ("table", "json", "csv", "markdown", "latex")


SURETY = ("ci", "resamples", "seed", "exact", "cluster", "cluster_id")
"""The parameters that ``comparing`` adds."""

PREPARING = ("missing", "id_style", "extra", "label")
"""The parameters that ``preparing`` adds."""


def comparing(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of intervals of differences to a command.

    Parameters
    ----------
    command : callable
        The function of a click command.

    Returns
    -------
    callable
    """
    for option in reversed((
        click.option("--ci", type=float, metavar="LEVEL", default=0.95, show_default=True,
                     help="Level of the intervals; verdicts are always at 0.95."),
        click.option("--resamples", type=int, metavar="N", default=RESAMPLES, show_default=True,
                     help="Number of resamples of the images for intervals."),
        click.option("--seed", type=int, metavar="N", default=SEED, show_default=True,
                     help="Seed of the random numbers of resamples and tests."),
        click.option("--exact", is_flag=True,
                     help="Resample ranked lists without bins, which takes some 20 times as long."),
        click.option("--cluster", metavar="ATTRIBUTE", default="",
                     help="Resample images of equal ATTRIBUTE together: scenes, cameras, videos."),
        click.option("--cluster-id", metavar="REGEX", default="",
                     help="Resample images together whose ids agree in what REGEX finds in them, or its first group."),
    )):  # fmt: skip
        command = option(command)
    return command


def preparing(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how images meet to a command.

    Parameters
    ----------
    command : callable
        The function of a click command.

    Returns
    -------
    callable
    """
    for option in reversed((
        click.option("--missing", type=click.Choice(MISSING), default="error", show_default=True,
                     help="Annotated images without predictions: an error, or images without predicted points."),
        click.option("--id-style", type=click.Choice(ID_STYLES), default="exact", show_default=True,
                     help="How ids of images are compared."),
        click.option("--extra", type=click.Choice(EXTRA), default="error", show_default=True,
                     help="Predicted images that are not annotated: an error, or left out."),
        click.option("--class", "label", metavar="CLASS", default="",
                     help="The class that is scored, where points have classes."),
    )):  # fmt: skip
        command = option(command)
    return command


@click.command(short_help="Compare systems: is the difference real?")
@click.argument("systems", nargs=-1, metavar="SYSTEM...", shell_complete=completer((), files=True))
@click.option("--truth", metavar="ANNOTATIONS", shell_complete=completer(DATASET_SPLITS, files=True),
              help="True points: a file, or the split of a dataset. Runs and evidence need none.")  # fmt: skip
@root_option
@click.option("--margin", "margins", multiple=True, metavar="METRIC=M",
              help="Call systems equivalent whose difference is surely below M; can be repeated.")  # fmt: skip
@preparing
@comparing
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
        write_result(_claim(claim, mse, images, truth, correlation=correlation, form=form or _form_of(output)), output)
        return
    given = parse_margins(margins)
    refuse_overwriting([*systems, *([truth] if truth else [])], output)
    surety, meeting = _surety(options), {name: options.pop(name) for name in PREPARING}
    from crowdeval.comparing import compare as compared
    from crowdeval.comparing import names_of

    chosen: Any = protocol_of(options) if _is_given() else None
    settings = {name: getattr(surety, name) for name in ("resamples", "seed", "cluster", "cluster_id", "exact")}
    with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
        stage("comparing")
        named = dict(zip(names_of(systems), systems, strict=True))
        result = compared(
            named, truth, margins=given, root=root, ci=surety.level or 0.95,
            **({} if chosen is None else {"protocol": chosen}), **settings, **meeting,
        )  # fmt: skip
    write_result(result.text(form or _form_of(output)), output)
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


def _surety(options: dict[str, Any]) -> Resampling:
    """Return how intervals of differences are made; the options are taken from the given ones."""
    return surety_of({"ci_method": "bootstrap-t", **{name: options.pop(name) for name in SURETY}})


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
            if name in margins:
                raise UsageError(f"--margin: {name} is given twice")
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
