"""crowdeval check: every problem of the files, no number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from crowdeval.cli.choices import ID_STYLES, MISSING
from crowdeval.cli.inputs import annotations_of, both_inputs, naming, predictions_of, refuse_two_stdins, truth_for
from crowdeval.cli.talk import complain, progress, spoken_warnings, warn
from crowdeval.errors import CrowdevalError

if TYPE_CHECKING:
    from crowdeval.points import Annotations, Predictions


@click.command(short_help="Report every problem of the files, and score nothing.")
@both_inputs
@click.option("--missing", type=click.Choice(MISSING), default="error", show_default=True,
              help="Annotated images without predictions: a problem, or fine.")  # fmt: skip
@click.option("--id-style", type=click.Choice(ID_STYLES), default="exact", show_default=True,
              help="Compare image ids as they are, or without folders and file extensions.")  # fmt: skip
def check(
    predictions: str,
    annotations: str | None,
    predictions_format: str | None,
    annotations_format: str | None,
    root: str | None,
    no_cache: bool,
    missing: str,
    id_style: str,
) -> None:
    """Report every problem of PREDICTIONS and ANNOTATIONS, and score nothing.

    Ends with 0 where `crowdeval score` would run, else with the code it would end with.
    """
    from crowdeval.alignment import align
    from crowdeval.notices import input_notices

    annotations = truth_for(predictions, annotations)
    refuse_two_stdins(predictions, annotations)
    failures: list[CrowdevalError] = []
    found: Predictions | None = None
    truth: Annotations | None = None
    with spoken_warnings(), progress() as stage:
        stage(f"reading {predictions}")
        found = _tried(lambda: predictions_of(predictions, predictions_format), failures)
        stage(f"reading {annotations}")
        truth = _tried(lambda: annotations_of(annotations, annotations_format, root=root, cache=not no_cache), failures)
        if found is not None and truth is not None:
            stage("aligning")
            try:
                with naming(predictions, annotations):
                    pair = align(found, truth, missing=missing, id_style=id_style)  # type: ignore[arg-type]
                for text in input_notices(*pair):
                    warn(text)
            except CrowdevalError as failure:
                failures.append(failure)
    for name, side in ((predictions, found), (annotations, truth)):
        if side is not None:
            click.echo(f"{name}: {side!r}")
    for each in failures:
        complain(each)
    if failures:
        raise SystemExit(failures[0].exit_code)
    click.echo("no problems")


T = TypeVar("T")


def _tried(step: Callable[[], T], failures: list[CrowdevalError]) -> T | None:
    try:
        return step()
    except CrowdevalError as failure:
        failures.append(failure)
        return None
