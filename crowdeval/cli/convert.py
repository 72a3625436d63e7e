"""crowdeval convert: a file in one format to a file in another."""

from __future__ import annotations

import click

from crowdeval.cli.inputs import FORMAT_NAMES, annotations_of, predictions_of
from crowdeval.cli.talk import progress, say, spoken_warnings
from crowdeval.errors import FormatError, UsageError
from crowdeval.formats import write_annotations, write_predictions
from crowdeval.points import Annotations, Predictions


@click.command(short_help="Convert predictions or annotations to another format.")
@click.argument("source", metavar="IN")
@click.option("-o", "--output", metavar="OUT", required=True, help="The file to write; '-' is standard output.")
@click.option(
    "--from", "source_format", metavar="NAME", help=f"Format of IN, if not to be guessed: {', '.join(FORMAT_NAMES)}."
)
@click.option("--to", "target_format", metavar="NAME", help="Format of OUT, where its suffix does not tell.")
@click.option("--as", "kind", type=click.Choice(["predictions", "annotations"]),
              help="What IN holds, where its content does not tell.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress.")
def convert(
    source: str, output: str, source_format: str | None, target_format: str | None, kind: str | None, quiet: bool
) -> None:
    """Convert IN, predictions or annotations in any known format, to OUT.

    Whatever the target can't hold is named on standard error.

    \b
    crowdeval convert preds.csv -o preds.json.gz
    crowdeval convert val_gt_loc.txt -o gt.parquet
    crowdeval convert points.csv -o gt.json --as annotations
    """
    with spoken_warnings(quiet=quiet), progress(quiet=quiet) as stage:
        stage(f"reading {source}")
        content = _content(source, source_format, kind)
        stage(f"writing {output}")
        if isinstance(content, Predictions):
            write_predictions(content, output, format=target_format)
        else:
            write_annotations(content, output, format=target_format)
    if not quiet and output != "-":
        say(f"wrote {output}: {content!r}")


def _content(source: str, form: str | None, kind: str | None) -> Predictions | Annotations:
    if kind == "predictions":
        return predictions_of(source, form)
    if kind == "annotations":
        return annotations_of(source, form)
    if source == "-":
        raise UsageError("standard input is read once: say what it holds with --as predictions or --as annotations")
    found: list[Predictions | Annotations] = []
    failures: list[FormatError] = []
    for read in (predictions_of, annotations_of):
        try:
            found.append(read(source, form))
        except FormatError as failure:
            failures.append(failure)
    if len(found) == 1:
        return found[0]
    if not found:
        raise min(failures, key=lambda failure: failure.total)
    predictions, annotations = found
    if isinstance(predictions, Predictions) and (predictions.score is not None or predictions.counts is not None):
        return predictions
    if isinstance(annotations, Annotations) and _says_more(annotations):
        return annotations
    raise UsageError(f"{source} can be read both ways: say --as predictions or --as annotations")


def _says_more(annotations: Annotations) -> bool:
    columns = (annotations.boxes, annotations.radii, annotations.level, annotations.sizes)
    return any(column is not None for column in columns) or bool(annotations.attributes)
