"""The frames of a video as images without points: a predictor runs on them, and nothing is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowdeval.datasets.contract import Split
from crowdeval.errors import UsageError
from crowdeval.formats.clips import clip_of
from crowdeval.points.sets import Annotations

NAME = "video"
"""The name of the dataset in the manifest of a run: ``video:PATH``."""


_LACKING = 0.9
"""Share of the declared frames below which a video is said to lack some."""


def video(path: Path, *, every: int = 1) -> Split:
    """Return the frames of a video as a split without points.

    Parameters
    ----------
    path : Path
        The file.
    every : int
        The step: every ``every``-th frame is an image.

    Returns
    -------
    Split
        Ids are the file's name without suffix and the frame's number, counted from 0 in the order in which frames are
        shown: ``clip/000025``.

    Raises
    ------
    UsageError
        If the step is below 1.
    MissingFileError
        If PyAV is not installed.
    FormatError
        If the file is no video.

    Examples
    --------
    >>> video(Path("clip.mp4"), every=0)
    Traceback (most recent call last):
    crowdeval.errors.UsageError: every: expected a step of at least 1 frame, found 0
    """
    if every < 1:
        raise UsageError(f"every: expected a step of at least 1 frame, found {every}")
    clip = clip_of(path, every=every)
    ids = [f"{path.stem}/{number:06d}" for number in clip.numbers]
    notes = []
    if clip.turned % 360:
        notes.append(f"{path.name} is shown turned by {clip.turned} degrees; its frames, and the points, are as stored")
    if not clip.ending and len(clip.stamps) < _LACKING * clip.declared:
        notes.append(
            f"{path.name} declares about {clip.declared:,} frames, and {len(clip.stamps):,} are found: it is cut off, "
            "or damaged"
        )
    if clip.ending:
        notes.append(f"{path.name} ends early, after {len(clip.stamps):,} frames: {clip.ending}")
    return Split(
        name=NAME,
        split=str(path),
        home=path.parent,
        annotations=Annotations(
            image_ids=ids,
            offsets=np.zeros(len(ids) + 1, dtype=np.int64),
            xy=np.empty((0, 2)),
            sizes=np.tile(np.array([[clip.width, clip.height]], dtype=np.float64), (len(ids), 1)),
        ),
        image_paths=(path,) * len(ids),
        notes=tuple(notes),
        clip=clip,
    )
