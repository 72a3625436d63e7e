"""Inputs of ``predict``: image files, folders, glob patterns, and the frames of videos."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.p2pnet.packages import import_package
from baselines.p2pnet.samples import read_pixels
from crowdeval.errors import InputError, MissingFileError
from crowdeval.options import IMAGE_SUFFIXES

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")
"""File suffixes of videos."""


def find_inputs(texts: Sequence[str]) -> list[Path]:
    """Return the images and videos of paths, folders and patterns.

    Parameters
    ----------
    texts : sequence of str
        Files, folders or glob patterns.

    Returns
    -------
    list of Path
        Each file once, in the order of the texts; the files of a folder or pattern are sorted by name.

    Raises
    ------
    MissingFileError
        If a text gives no file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("b.jpg", "a.mp4", "notes.txt"):
    ...         Path(folder, name).touch()
    ...     [path.name for path in find_inputs([folder])]
    ['a.mp4', 'b.jpg']
    """
    inputs: dict[Path, None] = {}
    for text in texts:
        path = Path(text)
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in {*IMAGE_SUFFIXES, *VIDEOS})
        elif path.exists():
            files = [path]
        else:
            files = sorted(Path(file) for file in glob.glob(text, recursive=True))
        if not files:
            problem = "the folder has no images and no videos" if path.is_dir() else "no such file, folder or match"
            raise MissingFileError(f"{text}: {problem}")
        inputs.update(dict.fromkeys(files))
    return list(inputs)


def count_images(files: Sequence[Path]) -> int | None:
    """Return the number of images in files, where it is known in advance.

    Parameters
    ----------
    files : sequence of Path
        Images and videos.

    Returns
    -------
    int or None
        None where one of the files is a video.

    Examples
    --------
    >>> count_images([Path("a.jpg"), Path("b.jpg")]), count_images([Path("a.mp4")])
    (2, None)
    """
    return None if any(file.suffix.lower() in VIDEOS for file in files) else len(files)


def read_images(files: Sequence[Path], every: int = 1) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the images, and the frames of the videos.

    Parameters
    ----------
    files : sequence of Path
        Images and videos.
    every : int
        Yield only each ``every``-th frame of a video, beginning with the first.

    Yields
    ------
    id : str
        The file's name without its suffix; for a frame the video's name and the frame's number, from 0.
    pixels : array of uint8, (H, W, 3)
        RGB.

    Raises
    ------
    MissingFileError, InputError
        If a file does not exist or is damaged; the error names it.
    UsageError
        If there is a video, and the package av is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("L", (4, 2)).save(f"{folder}/a.png")
    ...     [(name, pixels.shape) for name, pixels in read_images([Path(folder, "a.png")])]
    [('a', (2, 4, 3))]
    """
    for file in files:
        if file.suffix.lower() in VIDEOS:
            yield from _read_video(file, every)
        else:
            yield file.stem, read_pixels(file)


def _read_video(file: Path, every: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield id and pixels of each ``every``-th frame."""
    av = import_package("av", "videos need")
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise InputError(f"{file}: the file has no video stream")
            for number, frame in enumerate(container.decode(video=0)):
                if number % every == 0:
                    yield f"{file.stem}_{number:06d}", frame.to_ndarray(format="rgb24")
    except av.FFmpegError as problem:
        raise InputError(f"{file}: the video is damaged: {problem}") from None
