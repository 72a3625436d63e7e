"""crowdeval convert: write predictions or annotations to a file in another format."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from crowdeval.cli.by_content import read_by_content
from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, WRITTEN, completer
from crowdeval.cli.inputs import no_cache_option, quiet_option, refuse_overwriting, root_option
from crowdeval.cli.talk import print_warnings, say, stage_progress
from crowdeval.errors import CrowdevalWarning, UsageError
from crowdeval.options import STANDARD_STREAM
from crowdeval.sources import Input, resolve_input

if TYPE_CHECKING:
    from crowdeval.formats import Images
    from crowdeval.points.sets import Annotations, Predictions


@click.command(short_help="Convert predictions or annotations to another format.")
@click.argument("source", metavar="IN", shell_complete=completer(DATASET_SPLITS, files=True))
@click.argument("out", metavar="[OUT]", required=False, shell_complete=completer((), files=True))
@click.option("-o", "--output", metavar="OUT", help="File to write, in place of the second argument; '-' is standard "
              "output.")  # fmt: skip
@click.option("--from", "source_format", metavar="NAME", shell_complete=completer(FORMATS),
              help=f"Format of IN: {', '.join(FORMATS)}.  [default: by suffix and content]")  # fmt: skip
@click.option("--to", "target_format", metavar="NAME", shell_complete=completer(WRITTEN),
              help=f"Format of OUT: {', '.join(WRITTEN)}.  [default: by the suffix of OUT]")  # fmt: skip
@click.option("--as", "kind", type=click.Choice(["predictions", "annotations"]),
              help="Read IN as predictions or as annotations.  [default: by the content of IN]")  # fmt: skip
@click.option("--frame", metavar="STEPS", default="",
              help="Coordinates of IN, where they are not pixels of the image: steps as for `crowdeval score --frame`; "
                   "sizes are those of annotations, or of --images.")  # fmt: skip
@click.option(
    "--images",
    metavar="DIR|LIST",
    help="The images there are: their folder, or a file that lists them; gives sizes to files that need them.",
)
@click.option("--class", "label", metavar="NAME", default="", help="Write only the points of one class.")
@root_option
@no_cache_option
@quiet_option
def convert(
    *,
    source: str,
    out: str | None,
    output: str | None,
    source_format: str | None,
    target_format: str | None,
    kind: str | None,
    frame: str,
    images: str | None,
    label: str,
    root: str | None,
    no_cache: bool,
    quiet: bool,
) -> None:
    """Convert predictions or annotations to a file in another format.

    IN is a file in any known format, a folder with one file for each image, the folder of a run (its predictions), or a
    split of a dataset such as shanghaitech-a:test (its annotations). A warning names the columns that the new format
    can't hold.

    \b
    Examples:
      crowdeval convert preds.csv preds.json.gz
      crowdeval convert val_gt_loc.txt -o gt.parquet
      crowdeval convert labels/ gt.json --as annotations --images images/
      crowdeval convert points.csv -o gt.json --as annotations
      crowdeval convert rows_cols.json -o preds.json --frame yx
      crowdeval convert shanghaitech-a:test -o gt.json --root ~/data
    """
    from crowdeval.formats import read_image_list, write_annotations, write_predictions
    from crowdeval.points.sets import Predictions

    output = _target(out, output)
    refuse_overwriting((source,), output)
    if source == STANDARD_STREAM and kind is None:
        raise UsageError("standard input can be read only once: add --as predictions or --as annotations")
    source_input = resolve_input(source, source_format)
    kind = kind or {"run": "predictions", "dataset": "annotations"}.get(source_input.kind)
    with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
        stage(f"reading {source}")
        listed = read_image_list(images) if images is not None and source_input.reads_images else images
        content = _content(source_input, kind, root=root, cache=not no_cache, images=listed)
        content = _in_pixels(_of_class(content, label), frame, listed)
        stage(f"writing {output}")
        if isinstance(content, Predictions):
            write_predictions(content, output, format=target_format)
        else:
            _say_odd_radii(content)
            write_annotations(content, output, format=target_format)
    if not quiet and output != STANDARD_STREAM:
        say(f"wrote {output}: {content!r}")


def _target(out: str | None, output: str | None) -> str:
    """Return the file to write, which is named once: as the second argument or by ``--output``."""
    if (out is None) == (output is None):
        found = "neither" if out is None else f"{out} and {output}"
        raise UsageError(f"expected one file to write, as the second argument or after -o, found {found}")
    return str(out or output)


def _content(
    source: Input, kind: str | None, *, root: str | None, cache: bool, images: Images
) -> Predictions | Annotations:
    """Read the input as the kind that it is, or that its content shows."""
    if kind is None and source.holds_both_sides:
        raise UsageError(f"{source.name} has both true and predicted counts: add --as predictions or --as annotations")
    if kind is None:
        return read_by_content(source, root=root, cache=cache, images=images)
    if kind == "predictions":
        return source.predictions(images=images)
    return source.annotations(root=root, cache=cache, images=images)


def _of_class(content: Predictions | Annotations, label: str) -> Predictions | Annotations:
    """Return the points of one class; all of them without a class."""
    from crowdeval.evaluation.classes import points_of_class

    return points_of_class(content, label) if label else content


def _say_odd_radii(annotations: Annotations) -> None:
    """Warn of radii that metrics refuse; they are written as they are."""
    from crowdeval.matching.scale import odd_radii

    odd = odd_radii(annotations)
    if odd:
        text = (
            f"radii below 0 or with sigma_s above sigma_l are written as they are; metrics of radii refuse them: {odd}"
        )
        warnings.warn(text, CrowdevalWarning, stacklevel=2)


def _in_pixels(content: Predictions | Annotations, frame: str, images: Images) -> Predictions | Annotations:
    """Return a set in the pixels of its images; radii of annotations would need more than a frame."""
    import numpy as np

    from crowdeval.formats import read_image_list
    from crowdeval.points.frames import from_frame, parse_frame, to_pixels
    from crowdeval.points.ragged import Ragged
    from crowdeval.points.sets import Predictions

    if not frame:
        return content
    if isinstance(content, Predictions):
        sizes = None if images is None else read_image_list(images).sizes_of(content.image_ids)
        return from_frame(content, sizes, frame)
    if content.radii is not None:
        raise UsageError("--frame moves points and boxes, and these annotations have radii, which it can't move")
    steps, sizes, points = parse_frame(frame), content.sizes, content.points
    boxes = content.boxes
    if boxes is not None:
        corners = [to_pixels(Ragged(boxes[:, i : i + 2], points.offsets), sizes, steps) for i in (0, 2)]
        boxes = np.column_stack([np.minimum(*corners), np.maximum(*corners)])
    return replace(content, xy=to_pixels(points, sizes, steps), boxes=boxes)
