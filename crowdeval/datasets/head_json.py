"""The JSON file of one image of NWPU-Crowd, with the points and boxes of its heads."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.formats.contract import counted
from crowdeval.points.ragged import LARGEST, Floats


class _HeadFile(msgspec.Struct):
    """The keys of the file that are used; other keys, such as img_id, are ignored."""

    points: list[tuple[float, float]]
    boxes: list[tuple[float, float, float, float]]
    human_num: int | None = None


def json_heads(path: Path) -> tuple[Floats, Floats]:
    """Return the points and boxes of the heads of one image.

    Parameters
    ----------
    path : Path
        The JSON file: an object with ``points``, ``boxes`` and optionally the number of heads, ``human_num``.

    Returns
    -------
    points : array of float64, (N, 2)
        x, y in pixels.
    boxes : array of float64, (M, 4)
        x1, y1, x2, y2 in pixels. M is N in a proper file; it is not checked here.

    Raises
    ------
    MissingFileError
        If the file can't be read.
    FormatError
        If the file is not such an object, has a number that is too large, or has another number of points than
        ``human_num``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "0002.json").write_text('{"points": [[3, 4]], "boxes": [[0, 0, 6, 8]], "human_num": 1}')
    ...     points, boxes = json_heads(Path(folder, "0002.json"))
    >>> points.tolist(), boxes.tolist()
    ([[3.0, 4.0]], [[0.0, 0.0, 6.0, 8.0]])
    """
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_HeadFile)
    except OSError as problem:
        raise MissingFileError(f"{path} can't be read ({problem.strerror})") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        expected = "an object with points [[x, y], ...] and boxes [[x1, y1, x2, y2], ...]"
        raise FormatError(str(path), [Problem(expected=expected, found=str(problem))]) from None
    xy = np.array(content.points, dtype=np.float64).reshape(-1, 2)
    boxes = np.array(content.boxes, dtype=np.float64).reshape(-1, 4)
    if not ((np.abs(xy) <= LARGEST).all() and (np.abs(boxes) <= LARGEST).all()):
        expected = f"coordinates between -{LARGEST:.0e} and {LARGEST:.0e} pixels"
        raise FormatError(str(path), [Problem(expected=expected, found="larger ones")])
    if content.human_num not in (None, len(xy)):
        expected = f"{counted(content.human_num, 'point')}, as human_num says"
        raise FormatError(str(path), [Problem(expected=expected, found=f"{len(xy)}", key="points")])
    return xy, boxes
