"""``predict``: points for image files, folders and videos, in one predictions file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from baselines.p2pnet.cli.choices import device_option, model_options, writable
from baselines.p2pnet.drawing import draw
from baselines.p2pnet.frames import frames_of, inputs, number_of
from baselines.p2pnet.models import load_model
from baselines.p2pnet.prediction import Found, predict_points
from baselines.p2pnet.validation import predictions_of
from crowdeval.cli.talk import image_progress, print_warnings, say
from crowdeval.errors import UsageError
from crowdeval.formats import write_predictions


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--out", "-o", required=True, help="Predictions: .json, .jsonl, .csv, .parquet, .json.gz, - for standard output."
)
@click.option("--draw", "pictures", type=click.Path(path_type=Path), help="Folder for pictures of what was found.")
@click.option("--confidence", type=click.FloatRange(0, 1), help="Least confidence that is kept.  [default: 0.05]")
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Of a video, each such frame.")
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

    IMAGES are image files, folders of them, patterns in quotes ("crowd/*.jpg") or videos. Points are pixels of the
    image as stored, with a confidence; those above 0.5 are the count, or --counting says how it is taken. An image's id
    is its file's name without suffix, a frame's the video's name and its number, from 0.

    \b
    crowdeval p2pnet predict runs/sha/best.safetensors photos/ -o points.json --draw pictures/
    """
    writable(out)
    loaded = load_model(file, rows=rows, lines=lines, device=device, precision=precision, counting=counting)
    files = inputs(images)
    threshold = loaded.record.config.threshold
    found: dict[str, Found] = {}
    total = number_of(files)
    _apart(files, pictures)
    with image_progress("images", quiet=quiet) as progress:
        for name, pixels in frames_of(files, every):
            if name in found:
                raise _same_name(name)
            each = predict_points(loaded.model, pixels, confidence=confidence, tile=tile)
            found[name] = each
            if pictures is not None:
                draw(pixels, each.surest(threshold), each.people(threshold), picture_of(pictures, name))
            progress(len(found), total)
    with print_warnings(quiet=quiet):
        write_predictions(predictions_of(tuple(found), tuple(found.values())), out)
    if not quiet:
        for name, each in found.items():
            say(f"{name}: {each.people(threshold)}")


def _apart(files: Sequence[Path], pictures: Path | None) -> None:
    """Refuse, before the work, two images of one id, and pictures that would be written over the images."""
    names = [file.stem for file in files]
    twice = next((name for name, number in Counter(names).items() if number > 1), None)
    if twice is not None:
        raise _same_name(twice)
    if pictures is not None:
        read = {file.resolve() for file in files}
        over = next((name for name in names if picture_of(pictures, name).resolve() in read), None)
        if over is not None:
            raise UsageError(f"--draw {pictures} would write over the image {picture_of(pictures, over)}")


def _same_name(name: str) -> UsageError:
    return UsageError(f"two images are called {name!r}: predict them into files of their own")


def picture_of(folder: Path, name: str) -> Path:
    """Return where an image's picture goes."""
    return folder / f"{name}.jpg"
