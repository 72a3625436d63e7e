"""crowdeval check: report every problem of one or two input files, without a score."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from crowdeval.cli.by_content import read_by_content
from crowdeval.cli.inputs import both_inputs
from crowdeval.cli.preparing import preparation_of, preparing_options
from crowdeval.cli.talk import complain, print_warnings, stage_progress, warn
from crowdeval.errors import CrowdevalError, InputError, UsageError
from crowdeval.sources import Input, folder_id_style, names_in_errors, resolve_input, resolve_pair

if TYPE_CHECKING:
    from crowdeval.points.sets import Annotations, Predictions


@click.command(short_help="Report every problem of the input files, without a score.")
@both_inputs
@preparing_options
def check(
    *,
    predictions: str,
    annotations: str | None,
    predictions_format: str | None,
    annotations_format: str | None,
    root: str | None,
    no_cache: bool,
    **options: Any,
) -> None:
    """Report every problem of PREDICTIONS and ANNOTATIONS, or of one file, without a score.

    Both are named as for `crowdeval score`. The exit code is 0 where `crowdeval score` would run, otherwise the code
    with which it would end: 2 for wrong usage, 3 for invalid data, 4 for a missing file or dataset.

    \b
    Examples:
      crowdeval check preds.json gt.json
      crowdeval check preds.csv shanghaitech-a:test --root ~/data
      crowdeval check gt.json
    """
    first = resolve_input(predictions, predictions_format)
    if annotations is None and first.kind in ("file", "dataset"):
        _refuse_options_of_pairs(options)
        if not first.holds_both_sides:
            _check_one(first, root=root, cache=not no_cache, images=options["images"])
            return
    inputs = resolve_pair(
        predictions, annotations, predictions_format=predictions_format, annotations_format=annotations_format
    )
    failures: list[CrowdevalError] = []
    with print_warnings(), stage_progress() as stage:
        images = options["images"]
        stage(f"reading {inputs[0].name}")
        predicted = _collect_failure(lambda: inputs[0].predictions(images=images), failures)
        stage(f"reading {inputs[1].name}")
        annotated = _collect_failure(
            lambda: inputs[1].annotations(root=root, cache=not no_cache, images=images), failures
        )
        if predicted is not None and annotated is not None:
            stage("aligning")
            pair = (predicted, annotated)
            _collect_failure(lambda: _check_together(pair, inputs, options), failures)
            _collect_failure(lambda: _require_people(inputs[1].name, pair[1]), failures)
    for source, content in zip(inputs, (predicted, annotated), strict=True):
        if content is not None:
            click.echo(f"{source.name}: {content!r}")
    _end_with(failures)


def _refuse_options_of_pairs(options: dict[str, Any]) -> None:
    """Raise UsageError for options that say how two files meet, where there is only one."""
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in options
        and parameter.name != "images"
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"{', '.join(given)}: says how two files meet, and there is one: add ANNOTATIONS")


def _check_one(source: Input, *, root: str | None, cache: bool, images: str | None) -> None:
    """Report every problem of one file, read as what its content is."""
    failures: list[CrowdevalError] = []
    with print_warnings(), stage_progress() as stage:
        stage(f"reading {source.name}")
        content = _collect_failure(
            lambda: read_by_content(source, root=root, cache=cache, images=images, undecided="predictions"), failures
        )
        if content is not None:
            _collect_failure(lambda: _check_alone(source.name, content), failures)
    if content is not None:
        click.echo(f"{source.name}: {content!r}")
    _end_with(failures)


def _check_alone(name: str, content: Predictions | Annotations) -> None:
    """Print the warnings that a report would have about one side."""
    from crowdeval.evaluation.notices import notices_of_one
    from crowdeval.points.sets import Annotations

    if not content.image_ids:
        raise InputError(f"{name}: expected images, found none")
    for text in notices_of_one(content):
        warn(text)
    if isinstance(content, Annotations):
        _require_people(name, content)


def _check_together(
    sets: tuple[Predictions, Annotations], inputs: tuple[Input, Input], options: dict[str, Any]
) -> None:
    """Align the two inputs and print the warnings that a report would have about them."""
    from crowdeval.evaluation.notices import facts_of, input_notices
    from crowdeval.evaluation.preparation import prepare

    id_style = folder_id_style(options["id_style"], inputs, *sets)
    with names_in_errors(*inputs):
        ready = prepare(*sets, preparation_of(options), missing=options["missing"], id_style=id_style)
    facts = facts_of(ready.predictions, ready.annotations, changes=ready.changes, carried=ready.notices)
    for text in input_notices(facts):
        warn(text)


def _require_people(name: str, annotations: Annotations) -> None:
    """Raise InputError for annotations without a single person."""
    if annotations.image_ids and not annotations.counts.any():
        raise InputError(f"{name}: expected true points, found none in {len(annotations.image_ids):,} images")


def _end_with(failures: list[CrowdevalError]) -> None:
    """Print the failures and end with the exit code of the first; say that there are none."""
    for failure in failures:
        complain(failure)
    if failures:
        raise SystemExit(failures[0].exit_code)
    click.echo("no problems")


T = TypeVar("T")


def _collect_failure(step: Callable[[], T], failures: list[CrowdevalError]) -> T | None:
    """Return the result of a step; where it fails, add the error to the list and return None."""
    try:
        return step()
    except CrowdevalError as failure:
        failures.append(failure)
        return None
