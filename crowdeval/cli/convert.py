"""crowdeval convert: predictions or annotations in one format to a file in another."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, offered
from crowdeval.cli.inputs import no_cache_option, refuse_overwriting, resolved, root_option
from crowdeval.cli.talk import progress, say, spoken_warnings
from crowdeval.errors import FormatError, UsageError
from crowdeval.options import STANDARD_STREAM

if TYPE_CHECKING:
    from crowdeval.points.sets import Annotations, Predictions


@click.command(short_help="Convert predictions or annotations to another format.")
@click.argument("source", metavar="IN", shell_complete=offered(DATASET_SPLITS, files=True))
@click.option("-o", "--output", metavar="OUT", required=True, help="The file to write; '-' is standard output.")
@click.option("--from", "source_format", metavar="NAME", shell_complete=offered(FORMATS),
              help=f"Format of IN, if not to be guessed: {', '.join(FORMATS)}.")  # fmt: skip
@click.option("--to", "target_format", metavar="NAME", shell_complete=offered(FORMATS),
              help="Format of OUT, where its suffix does not tell.")  # fmt: skip
@click.option("--as", "kind", type=click.Choice(["predictions", "annotations"]),
              help="What IN holds, where its content does not tell.")  # fmt: skip
@root_option
@no_cache_option
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress.")
def convert(
    *,
    source: str,
    output: str,
    source_format: str | None,
    target_format: str | None,
    kind: str | None,
    root: str | None,
    no_cache: bool,
    quiet: bool,
) -> None:
    """Convert IN, predictions or annotations, to OUT.

    IN is a file in any known format, a run's folder (predictions), or a dataset's split, as in shanghaitech-a:test
    (annotations). Whatever the target can't hold is named on standard error.

    \b
    crowdeval convert preds.csv -o preds.json.gz
    crowdeval convert val_gt_loc.txt -o gt.parquet
    crowdeval convert points.csv -o gt.json --as annotations
    crowdeval convert shanghaitech-a:test -o gt.json --root ~/data
    """
    from crowdeval.formats import write_annotations, write_predictions
    from crowdeval.points.sets import Predictions

    refuse_overwriting((source,), output)
    if source == STANDARD_STREAM and kind is None:
        raise UsageError("standard input is read once: say what it holds with --as predictions or --as annotations")
    input_ = resolved(source, source_format)
    kind = kind or {"run": "predictions", "dataset": "annotations", "file": None, "evidence": None}[input_.kind]

    def as_annotations() -> Predictions | Annotations:
        return input_.annotations(root=root, cache=not no_cache)

    with spoken_warnings(quiet=quiet), progress(quiet=quiet) as stage:
        stage(f"reading {source}")
        if kind is None:
            content = _by_content(source, input_.predictions, as_annotations)
        else:
            content = input_.predictions() if kind == "predictions" else as_annotations()
        stage(f"writing {output}")
        if isinstance(content, Predictions):
            write_predictions(content, output, format=target_format)
        else:
            write_annotations(content, output, format=target_format)
    if not quiet and output != STANDARD_STREAM:
        say(f"wrote {output}: {content!r}")


@dataclass
class _Attempt:
    """A reading that may have failed, and what it warned of."""

    content: Predictions | Annotations | None = None
    failure: FormatError | None = None
    heard: list[warnings.WarningMessage] = field(default_factory=list)


def _by_content(source: str, *readings: Callable[[], Predictions | Annotations]) -> Predictions | Annotations:
    """Read a file both ways and return what it is; only that reading's warnings are heard."""
    attempts = [_attempt(read) for read in readings]
    found = [attempt for attempt in attempts if attempt.content is not None]
    if not found:
        raise min((each.failure for each in attempts if each.failure), key=lambda failure: failure.total)
    chosen = found[0] if len(found) == 1 else next((each for each in found if _says_more(each.content)), None)
    if chosen is None or chosen.content is None:
        raise UsageError(f"{source} can be read both ways: say --as predictions or --as annotations")
    for each in chosen.heard:
        warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return chosen.content


def _attempt(read: Callable[[], Predictions | Annotations]) -> _Attempt:
    with warnings.catch_warnings(record=True) as caught:
        try:
            return _Attempt(content=read(), heard=caught)
        except FormatError as failure:
            return _Attempt(failure=failure)


def _says_more(content: object) -> bool:
    """Return whether a reading holds what only predictions, or only annotations, can hold."""
    from crowdeval.points.sets import Annotations, Predictions

    if isinstance(content, Predictions):
        return content.score is not None or content.counts is not None
    assert isinstance(content, Annotations), "there is no third kind"
    columns = (content.boxes, content.radii, content.level, content.sizes)
    return any(column is not None for column in columns) or bool(content.attributes)
