"""crowdeval check: report every problem of the input files, without a score."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crowdeval.cli.inputs import Input, both_inputs, frame_option, names_in_errors, resolve_pair
from crowdeval.cli.talk import complain, print_warnings, stage_progress, warn
from crowdeval.errors import CrowdevalError
from crowdeval.options import ID_STYLES, MISSING

if TYPE_CHECKING:
    from crowdeval.points.sets import Annotations, Predictions


@click.command(short_help="Report every problem of the input files, without a score.")
@both_inputs
@click.option("--missing", type=click.Choice(MISSING), default="error", show_default=True,
              help="Annotated images without predictions are a problem (error), or are allowed (empty).")  # fmt: skip
@click.option("--id-style", type=click.Choice(ID_STYLES), default="exact", show_default=True,
              help="Compare image ids as they are (exact), or without folders and file extensions (stem).")  # fmt: skip
@frame_option
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
    frame: str,
) -> None:
    """Report every problem of PREDICTIONS and ANNOTATIONS, without a score.

    Both are named as for `crowdeval score`. The exit code is 0 where `crowdeval score` would run, otherwise the code
    with which it would end: 2 for wrong usage, 3 for invalid data, 4 for a missing file or dataset.

    \b
    Examples:
      crowdeval check preds.json gt.json
      crowdeval check preds.csv shanghaitech-a:test --root ~/data
    """
    inputs = resolve_pair(
        predictions, annotations, predictions_format=predictions_format, annotations_format=annotations_format
    )
    failures: list[CrowdevalError] = []
    with print_warnings(), stage_progress() as stage:
        stage(f"reading {inputs[0].name}")
        predicted = _collect_failure(inputs[0].predictions, failures)
        stage(f"reading {inputs[1].name}")
        annotated = _collect_failure(lambda: inputs[1].annotations(root=root, cache=not no_cache), failures)
        if predicted is not None and annotated is not None:
            stage("aligning")
            pair = (predicted, annotated)
            options = {"missing": missing, "id_style": id_style}
            _collect_failure(lambda: _check_together(pair, inputs, frame=frame, **options), failures)
    for source, content in zip(inputs, (predicted, annotated), strict=True):
        if content is not None:
            click.echo(f"{source.name}: {content!r}")
    for failure in failures:
        complain(failure)
    if failures:
        raise SystemExit(failures[0].exit_code)
    click.echo("no problems")


def _check_together(
    sets: tuple[Predictions, Annotations], inputs: tuple[Input, Input], *, missing: Any, id_style: Any, frame: str
) -> None:
    """Align the two inputs and print the warnings that a report would have about them."""
    from crowdeval.evaluation.notices import facts_of, input_notices
    from crowdeval.points.alignment import align
    from crowdeval.points.frames import from_frame

    with names_in_errors(*inputs):
        predicted, annotated = align(*sets, missing=missing, id_style=id_style)
        predicted = from_frame(predicted, annotated.sizes, frame)
    for text in input_notices(facts_of(predicted, annotated, frame=frame)):
        warn(text)


T = TypeVar("T")


def _collect_failure(step: Callable[[], T], failures: list[CrowdevalError]) -> T | None:
    """Return the result of a step; where it fails, add the error to the list and return None."""
    try:
        return step()
    except CrowdevalError as failure:
        failures.append(failure)
        return None
