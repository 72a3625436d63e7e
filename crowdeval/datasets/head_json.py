"""The JSON file of one NWPU-Crowd image: img_id, human_num, points and boxes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.formats.contract import counted
from crowdeval.points.ragged import LARGEST, Floats


class HeadFile(msgspec.Struct):
    """What such a file holds that matters here."""

    points: list[tuple[float, float]]
    boxes: list[tuple[float, float, float, float]]
    human_num: int | None = None


def json_heads(path: Path) -> tuple[Floats, Floats]:
    """Return points (N, 2) and boxes (N, 4) of a file.

    Raises
    ------
    MissingFileError
        If the file can't be read.
    FormatError
        If it is not such a file, or says another number of heads than it holds.
    """
    try:
        content = msgspec.json.decode(path.read_bytes(), type=HeadFile)
    except OSError as problem:
        raise MissingFileError(f"{path} can't be read ({problem.strerror})") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        expected = "an object with points [[x, y], ...] and boxes [[x1, y1, x2, y2], ...]"
        raise FormatError(str(path), [Problem(expected=expected, found=str(problem))]) from None
    xy = np.array(content.points, dtype=np.float64).reshape(-1, 2)
    boxes = np.array(content.boxes, dtype=np.float64).reshape(-1, 4)
    if not ((np.abs(xy) <= LARGEST).all() and (np.abs(boxes) <= LARGEST).all()):
        raise FormatError(str(path), [Problem(expected=f"numbers within {LARGEST:.0e}", found="larger ones")])
    if content.human_num not in (None, len(xy)):
        raise FormatError(
            str(path), [Problem(expected=counted(content.human_num, "point"), found=f"{len(xy)}", key="human_num")]
        )
    return xy, boxes
