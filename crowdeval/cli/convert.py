"""crowdeval convert: write predictions or annotations to a file in another format."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, completer
from crowdeval.cli.inputs import no_cache_option, quiet_option, refuse_overwriting, resolve_input, root_option
from crowdeval.cli.talk import print_warnings, say, stage_progress
from crowdeval.errors import FormatError, UsageError
from crowdeval.options import STANDARD_STREAM

if TYPE_CHECKING:
    from crowdeval.points.sets import Annotations, Predictions


@click.command(short_help="Convert predictions or annotations to another format.")
@click.argument("source", metavar="IN", shell_complete=completer(DATASET_SPLITS, files=True))
@click.option("-o", "--output", metavar="OUT", required=True, help="File to write; '-' is standard output.")
@click.option("--from", "source_format", metavar="NAME", shell_complete=completer(FORMATS),
              help=f"Format of IN: {', '.join(FORMATS)}.  [default: by suffix and content]")  # fmt: skip
@click.option("--to", "target_format", metavar="NAME", shell_complete=completer(FORMATS),
              help="Format of OUT, one of the same names.  [default: by the suffix of OUT]")  # fmt: skip
@click.option("--as", "kind", type=click.Choice(["predictions", "annotations"]),
              help="Read IN as predictions or as annotations.  [default: by the content of IN]")  # fmt: skip
@click.option("--frame", metavar="STEPS", default="",
              help="Coordinates of IN, where they are not pixels of the image: steps as for `crowdeval score --frame`; "
                   "steps that need image sizes work for annotations that have them.")  # fmt: skip
@root_option
@no_cache_option
@quiet_option
def convert(
    *,
    source: str,
    output: str,
    source_format: str | None,
    target_format: str | None,
    kind: str | None,
    frame: str,
    root: str | None,
    no_cache: bool,
    quiet: bool,
) -> None:
    """Convert predictions or annotations to a file in another format.

    IN is a file in any known format, the folder of a run (its predictions), or a split of a dataset such as
    shanghaitech-a:test (its annotations). A warning names the columns that the new format can't hold.

    \b
    Examples:
      crowdeval convert preds.csv -o preds.json.gz
      crowdeval convert val_gt_loc.txt -o gt.parquet
      crowdeval convert points.csv -o gt.json --as annotations
      crowdeval convert rows_cols.json -o preds.json --frame yx
      crowdeval convert shanghaitech-a:test -o gt.json --root ~/data
    """
    from crowdeval.formats import write_annotations, write_predictions
    from crowdeval.points.sets import Predictions

    refuse_overwriting((source,), output)
    if source == STANDARD_STREAM and kind is None:
        raise UsageError("standard input can be read only once: add --as predictions or --as annotations")
    source_input = resolve_input(source, source_format)
    kind = kind or {"run": "predictions", "dataset": "annotations"}.get(source_input.kind)

    def read_as_annotations() -> Predictions | Annotations:
        return source_input.annotations(root=root, cache=not no_cache)

    with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
        stage(f"reading {source}")
        if kind is None:
            content = _read_by_content(source, source_input.predictions, read_as_annotations)
        else:
            content = source_input.predictions() if kind == "predictions" else read_as_annotations()
        content = _in_pixels(content, frame)
        stage(f"writing {output}")
        if isinstance(content, Predictions):
            write_predictions(content, output, format=target_format)
        else:
            write_annotations(content, output, format=target_format)
    if not quiet and output != STANDARD_STREAM:
        say(f"wrote {output}: {content!r}")


def _in_pixels(content: Predictions | Annotations, frame: str) -> Predictions | Annotations:
    """Return a set in the pixels of its images; of annotations, boxes and radii would need more than a frame."""
    from crowdeval.points.frames import from_frame, parse_frame, to_pixels
    from crowdeval.points.sets import Predictions

    if not frame:
        return content
    if isinstance(content, Predictions):
        return from_frame(content, None, frame)
    if content.boxes is not None or content.radii is not None:
        raise UsageError("--frame moves points, and these annotations have boxes or radii, which it can't move")
    return replace(content, xy=to_pixels(content.points, content.sizes, parse_frame(frame)))


@dataclass
class _Attempt:
    """The result of reading a file as predictions or as annotations: content or error, and the warnings."""

    content: Predictions | Annotations | None = None
    failure: FormatError | None = None
    caught: list[warnings.WarningMessage] = field(default_factory=list)


def _read_by_content(source: str, *readings: Callable[[], Predictions | Annotations]) -> Predictions | Annotations:
    """Read a file as predictions and as annotations, and return what fits its content, with only its warnings."""
    attempts = [_attempt(read) for read in readings]
    valid = [attempt for attempt in attempts if attempt.content is not None]
    if not valid:
        raise min((attempt.failure for attempt in attempts if attempt.failure), key=lambda failure: failure.total)
    chosen = valid[0] if len(valid) == 1 else next((each for each in valid if _has_own_columns(each.content)), None)
    if chosen is None or chosen.content is None:
        raise UsageError(
            f"{source} can be read as predictions and as annotations: add --as predictions or --as annotations"
        )
    for warning in chosen.caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return chosen.content


def _attempt(read: Callable[[], Predictions | Annotations]) -> _Attempt:
    with warnings.catch_warnings(record=True) as caught:
        try:
            return _Attempt(content=read(), caught=caught)
        except FormatError as failure:
            return _Attempt(failure=failure)


def _has_own_columns(content: object) -> bool:
    """Return whether a set has a column that only predictions, or only annotations, can have."""
    from crowdeval.points.sets import Annotations, Predictions

    if isinstance(content, Predictions):
        return content.score is not None or content.counts is not None
    assert isinstance(content, Annotations), "there is no third kind"
    columns = (content.boxes, content.radii, content.level, content.sizes)
    return any(column is not None for column in columns) or bool(content.attributes)
