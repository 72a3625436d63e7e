"""The verb ``predict``: points for image files, folders and videos, in one predictions file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from baselines.p2pnet.cli.choices import check_writable, device_option, model_options
from baselines.p2pnet.drawing import draw
from baselines.p2pnet.frames import count_images, find_inputs, read_images
from baselines.p2pnet.models import load_model
from baselines.p2pnet.prediction import Found, predict_points
from baselines.p2pnet.validation import to_predictions
from crowdeval.cli.talk import image_progress, print_warnings, say
from crowdeval.errors import UsageError
from crowdeval.formats import write_predictions


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--out", "-o", required=True, help="Predictions: .json, .jsonl, .csv, .parquet, .json.gz, - for standard output."
)
@click.option(
    "--draw",
    "pictures",
    type=click.Path(path_type=Path),
    help="Folder for pictures of the images with their points and counts.",
)
@click.option(
    "--confidence", type=click.FloatRange(0, 1), help="Leave out points of lower confidence.  [default: 0.05]"
)
@click.option(
    "--every", type=click.IntRange(1), default=1, show_default=True, help="Use only each N-th frame of a video."
)
@model_options
@device_option
@click.option("--quiet", "-q", is_flag=True, help="No progress and no counts.")
def predict(
    *,
    file: Path,
    images: tuple[str, ...],
    out: str,
    pictures: Path | None,
    confidence: float | None,
    every: int,
    rows: int | None,
    lines: int | None,
    precision: str,
    tile: int | None,
    counting: str | None,
    device: str,
    quiet: bool,
) -> None:
    """Find the people in IMAGES with the model in FILE.

    IMAGES are image files, folders, patterns in quotes ("crowd/*.jpg") or videos. A prediction has its point in pixels
    of the stored image, and a confidence. The count is the number of points above 0.5, or the one of --counting. The id
    of an image is the name of its file without the suffix; the id of a frame is the video's name and the frame's
    number, from 0.

    \b
    crowdeval p2pnet predict runs/sha/best.safetensors photos/ -o points.json --draw pictures/
    """
    check_writable(out)
    loaded = load_model(file, rows=rows, lines=lines, device=device, precision=precision, counting=counting)
    files = find_inputs(images)
    threshold = loaded.record.config.threshold
    predictions: dict[str, Found] = {}
    total = count_images(files)
    _check_files(files, pictures)
    with image_progress("images", quiet=quiet) as progress:
        for name, pixels in read_images(files, every):
            if name in predictions:
                raise _same_name(name)
            found = predict_points(loaded.model, pixels, confidence=confidence, tile=tile)
            predictions[name] = found
            if pictures is not None:
                draw(pixels, found.surest(threshold), found.people(threshold), _picture_path(pictures, name))
            progress(len(predictions), total)
    with print_warnings(quiet=quiet):
        write_predictions(to_predictions(tuple(predictions), tuple(predictions.values())), out)
    if not quiet:
        for name, found in predictions.items():
            say(f"{name}: {found.people(threshold)}")


def _check_files(files: Sequence[Path], pictures: Path | None) -> None:
    """Raise UsageError for two images of one id, and for pictures that would replace the images themselves."""
    names = [file.stem for file in files]
    twice = next((name for name, number in Counter(names).items() if number > 1), None)
    if twice is not None:
        raise _same_name(twice)
    if pictures is not None:
        inputs = {file.resolve() for file in files}
        replaced = next((name for name in names if _picture_path(pictures, name).resolve() in inputs), None)
        if replaced is not None:
            raise UsageError(
                f"--draw {pictures} would replace the image {_picture_path(pictures, replaced)}; give another folder"
            )


def _same_name(name: str) -> UsageError:
    """Return the error for two images of one id."""
    return UsageError(f"two images have the id {name!r}: predict them separately, each with its own --out")


def _picture_path(folder: Path, name: str) -> Path:
    """Return the path of an image's picture."""
    return folder / f"{name}.jpg"
