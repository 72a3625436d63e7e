"""crowdeval check: every problem of the files, no number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crowdeval.cli.inputs import Input, both_inputs, naming, resolved_pair
from crowdeval.cli.talk import complain, progress, spoken_warnings, warn
from crowdeval.errors import CrowdevalError
from crowdeval.options import ID_STYLES, MISSING

if TYPE_CHECKING:
    from crowdeval.points.sets import Annotations, Predictions


@click.command(short_help="Report every problem of the files, and score nothing.")
@both_inputs
@click.option("--missing", type=click.Choice(MISSING), default="error", show_default=True,
              help="Annotated images without predictions: a problem, or fine.")  # fmt: skip
@click.option("--id-style", type=click.Choice(ID_STYLES), default="exact", show_default=True,
              help="Compare image ids as they are, or without folders and file extensions.")  # fmt: skip
def check(
    *,
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
    found, truth = resolved_pair(
        predictions, annotations, predictions_format=predictions_format, annotations_format=annotations_format
    )
    failures: list[CrowdevalError] = []
    with spoken_warnings(), progress() as stage:
        stage(f"reading {found.name}")
        predicted = _tried(found.predictions, failures)
        stage(f"reading {truth.name}")
        true = _tried(lambda: truth.annotations(root=root, cache=not no_cache), failures)
        if predicted is not None and true is not None:
            stage("aligning")
            pair, inputs = (predicted, true), (found, truth)
            _tried(lambda: _check_together(pair, inputs, missing=missing, id_style=id_style), failures)
    for name, side in ((found.name, predicted), (truth.name, true)):
        if side is not None:
            click.echo(f"{name}: {side!r}")
    for each in failures:
        complain(each)
    if failures:
        raise SystemExit(failures[0].exit_code)
    click.echo("no problems")


def _check_together(
    sets: tuple[Predictions, Annotations], inputs: tuple[Input, Input], *, missing: Any, id_style: Any
) -> None:
    """Align the two sides and warn of what a report would say of them."""
    from crowdeval.evaluation.notices import facts_of, input_notices
    from crowdeval.points.alignment import align

    with naming(*inputs):
        pair = align(*sets, missing=missing, id_style=id_style)
    for text in input_notices(facts_of(*pair)):
        warn(text)


T = TypeVar("T")


def _tried(step: Callable[[], T], failures: list[CrowdevalError]) -> T | None:
    try:
        return step()
    except CrowdevalError as failure:
        failures.append(failure)
        return None
