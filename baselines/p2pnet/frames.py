"""What one may predict on: image files, folders, patterns, and the frames of videos."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.p2pnet.packages import package
from baselines.p2pnet.samples import pixels_of
from crowdeval.datasets.listing import IMAGE_SUFFIXES
from crowdeval.errors import InputError, MissingFileError

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


def inputs(named: Sequence[str]) -> list[Path]:
    """Return the files that paths, folders and patterns name, each once, folders by name.

    Raises
    ------
    MissingFileError
        If one of them names nothing.
    """
    found: dict[Path, None] = {}
    for text in named:
        path = Path(text)
        if path.is_dir():
            files = sorted(each for each in path.iterdir() if each.suffix.lower() in IMAGE_SUFFIXES.union(VIDEOS))
        elif path.exists():
            files = [path]
        else:
            files = sorted(Path(each) for each in glob.glob(text, recursive=True))
        if not files:
            raise MissingFileError(
                f"{text}: {'no images or videos in it' if path.is_dir() else 'no such file, and nothing fits it'}"
            )
        found.update(dict.fromkeys(files))
    return list(found)


def number_of(files: Sequence[Path]) -> int | None:
    """Return how many images there will be; None where a video is among them."""
    return None if any(each.suffix.lower() in VIDEOS for each in files) else len(files)


def frames_of(files: Sequence[Path], every: int = 1) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield id and pixels (H, W, 3) of each image, and of each ``every``-th frame of each video."""
    for file in files:
        if file.suffix.lower() in VIDEOS:
            yield from _video(file, every)
        else:
            yield file.stem, pixels_of(file)


def _video(file: Path, every: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    av = package("av", "videos need")
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise InputError(f"{file}: no video in it")
            for number, frame in enumerate(container.decode(video=0)):
                if number % every == 0:
                    yield f"{file.stem}_{number:06d}", frame.to_ndarray(format="rgb24")
    except av.FFmpegError as problem:
        raise InputError(f"{file}: a damaged video: {problem}") from None
