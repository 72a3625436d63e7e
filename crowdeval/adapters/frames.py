"""The frames a predictor sees an image in: scaled to a longest side, cut into tiles, mirrored; and the way back.

Scaling
    An image longer than ``max_side`` is resized; points go back by the exact quotient of the sizes.
Tiles
    The image is covered by cores; a tile is its core and ``overlap`` pixels around it. A point belongs to the tile
    whose core it lies in, so no point is lost or seen twice; a person that two tiles put on two sides of a seam is one
    point, the more confident, if the two are within ``merge`` pixels.
Mirror image
    Points of the mirror image (x -> width - x) and of the image that are each other's nearest within ``merge`` pixels
    become one, at their mean place and confidence; a point seen in only one of them keeps half its confidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from crowdeval.adapters.contract import Answer, Image, Predictor, answers, named
from crowdeval.errors import PredictorError, UsageError
from crowdeval.options import MERGE, OVERLAP
from crowdeval.points.ragged import Flags, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """How images are shown to a predictor.

    Parameters
    ----------
    max_side : int, optional
        Longest side in pixels; larger images are resized.
    tile : int, optional
        Side of a tile in pixels; larger images are cut.
    overlap : int
        Pixels that a tile sees beyond its core, on each side.
    merge : float
        Distance in pixels within which points on two sides of a seam, or of the image and its mirror image, are one.
    flip : bool
        Whether the mirror image is seen as well.
    """

    max_side: int | None = None
    tile: int | None = None
    overlap: int = OVERLAP
    merge: float = MERGE
    flip: bool = False

    def __post_init__(self) -> None:
        for name in ("max_side", "tile"):
            value = getattr(self, name)
            if value is not None and value < 16:
                raise UsageError(f"{name}: expected at least 16 pixels, found {value}")
        if self.overlap < 0 or not 0 <= self.merge < np.inf:
            raise UsageError("overlap and merge: expected at least 0 pixels")
        if self.tile is not None and self.tile <= 2 * self.overlap:
            raise UsageError(f"tile: expected more than twice the overlap ({2 * self.overlap}), found {self.tile}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """What a predictor sees of an image: where it begins, which part of it counts, whether it is mirrored."""

    image: Image
    left: int
    top: int
    core: tuple[float, float, float, float]
    mirrored: bool


def framed_answers(predictor: Predictor, images: Sequence[Image], frames: Frames) -> list[Answer]:
    """Return the answers for whole images, in their own pixels, from the frames a predictor sees.

    Raises
    ------
    PredictorError
        If the predictor fails, or gives counts where tiles would have to be added up.
    """
    if not getattr(predictor, "needs_pixels", True):
        return answers(predictor, images)
    scaled = [_scaled(image, frames.max_side) for image in images]
    views = [list(_views(image, frames)) for image in scaled]
    shown = [view.image for of_image in views for view in of_image]
    size = max(1, int(getattr(predictor, "batch_size", 1)))
    told = [answer for i in range(0, len(shown), size) for answer in answers(predictor, shown[i : i + size])]
    result, position = [], 0
    for image, small, of_image in zip(images, scaled, views, strict=True):
        part = told[position : position + len(of_image)]
        position += len(of_image)
        where = f"{named(predictor)}, image {image.id!r}"
        result.append(_whole(image, small, list(zip(of_image, part, strict=True)), frames, where))
    return result


def _scaled(image: Image, max_side: int | None) -> Image:
    height, width = image.pixels.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return image
    from PIL import Image as Pillow

    factor = max_side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = np.asarray(Pillow.fromarray(image.pixels).resize(size, Pillow.Resampling.BILINEAR))
    return replace(image, pixels=pixels, path=None)


def _views(image: Image, frames: Frames) -> Iterator[_View]:
    height, width = image.pixels.shape[:2]
    for left, right, low_x, high_x in _cuts(width, frames):
        for top, bottom, low_y, high_y in _cuts(height, frames):
            whole = right - left == width and bottom - top == height
            seen = image if whole else replace(image, pixels=image.pixels[top:bottom, left:right], path=None)
            core = (low_x, high_x, low_y, high_y)
            yield _View(image=seen, left=left, top=top, core=core, mirrored=False)
            if frames.flip:
                mirrored = replace(seen, pixels=np.ascontiguousarray(seen.pixels[:, ::-1]), path=None)
                yield _View(image=mirrored, left=left, top=top, core=core, mirrored=True)


def _cuts(length: int, frames: Frames) -> Iterator[tuple[int, int, float, float]]:
    """Yield begin and end of every tile along an axis, and the half-open interval of its core."""
    if frames.tile is None or length <= frames.tile:
        yield 0, length, -np.inf, np.inf
        return
    core = frames.tile - 2 * frames.overlap
    number = -(-length // core)
    edges = [round(i * length / number) for i in range(number + 1)]
    for i, (begin, end) in enumerate(pairwise(edges)):
        low = -np.inf if i == 0 else float(begin)
        high = np.inf if i == number - 1 else float(end)
        yield max(0, begin - frames.overlap), min(length, end + frames.overlap), low, high


def _whole(image: Image, small: Image, views: Sequence[tuple[_View, Answer]], frames: Frames, where: str) -> Answer:
    """Put the answers of an image's views together, in the pixels of the image."""
    sides = [
        _joined([pair for pair in views if pair[0].mirrored is mirrored], frames, where)
        for mirrored in ((False, True) if frames.flip else (False,))
    ]
    answer = sides[0] if len(sides) == 1 else _mirrored_pair(sides[0], sides[1], frames.merge)
    if answer.xy is None or small is image:
        return answer
    height, width = image.pixels.shape[:2]
    small_height, small_width = small.pixels.shape[:2]
    return replace(answer, xy=answer.xy * np.array([width / small_width, height / small_height]))


def _joined(pairs: Sequence[tuple[_View, Answer]], frames: Frames, where: str) -> Answer:
    if len(pairs) == 1:
        view, answer = pairs[0]
        return answer if answer.xy is None else replace(answer, xy=_placed(view, answer.xy))
    if any(answer.count is not None or answer.xy is None for _, answer in pairs):
        raise PredictorError(f"{where}: gives counts, which tiles that overlap can't add up; leave --tile away")
    xy, score, tile = [], [], []
    for number, (view, answer) in enumerate(pairs):
        assert answer.xy is not None, "counts were refused"
        points = _placed(view, answer.xy)
        low_x, high_x, low_y, high_y = view.core
        kept = (points[:, 0] >= low_x) & (points[:, 0] < high_x) & (points[:, 1] >= low_y) & (points[:, 1] < high_y)
        xy.append(points[kept])
        score.append(np.ones(int(kept.sum())) if answer.score is None else answer.score[kept])
        tile.append(np.full(int(kept.sum()), number))
    points, scores = np.concatenate(xy), np.concatenate(score)
    alone = _alone(points, scores, np.concatenate(tile), frames.merge)
    unscored = all(answer.score is None for _, answer in pairs)
    return Answer(xy=points[alone], score=None if unscored else scores[alone])


def _placed(view: _View, xy: Floats) -> Floats:
    """Return points of a view in the pixels of the image it is of."""
    placed = xy.copy()
    if view.mirrored:
        placed[:, 0] = view.image.pixels.shape[1] - placed[:, 0]
    return placed + np.array([view.left, view.top], dtype=np.float64)


def _alone(xy: Floats, score: Floats, tile: Floats, merge: float) -> Flags:
    """Return which points stay when, of two tiles' points within ``merge`` pixels, the more confident is kept."""
    from scipy.spatial import cKDTree

    kept = np.ones(len(xy), dtype=bool)
    if not len(xy) or merge == 0:
        return kept
    pairs = cKDTree(xy).query_pairs(merge, output_type="ndarray")
    pairs = pairs[tile[pairs[:, 0]] != tile[pairs[:, 1]]]
    rank = np.empty(len(xy), dtype=np.int64)
    rank[np.lexsort((xy[:, 1], xy[:, 0], -score))] = np.arange(len(xy))
    better = np.where((rank[pairs[:, 0]] < rank[pairs[:, 1]])[:, None], pairs, pairs[:, ::-1])
    for first, second in better[np.lexsort((rank[better[:, 1]], rank[better[:, 0]]))]:
        if kept[first]:
            kept[second] = False
    return kept


def _mirrored_pair(plain: Answer, mirrored: Answer, merge: float) -> Answer:
    from scipy.spatial import cKDTree

    count = None if plain.count is None or mirrored.count is None else (plain.count + mirrored.count) / 2
    if plain.xy is None or mirrored.xy is None:
        return Answer(xy=None, count=count)
    first = np.ones(len(plain.xy)) if plain.score is None else plain.score
    second = np.ones(len(mirrored.xy)) if mirrored.score is None else mirrored.score
    a = b = np.empty(0, dtype=np.int64)
    if len(plain.xy) and len(mirrored.xy):
        distance, there = (np.asarray(column) for column in cKDTree(mirrored.xy).query(plain.xy))
        back = np.asarray(cKDTree(plain.xy).query(mirrored.xy)[1])
        mutual = (back[there] == np.arange(len(plain.xy))) & (distance <= merge)
        a, b = np.flatnonzero(mutual), there[mutual]
    rest_a, rest_b = np.ones(len(plain.xy), dtype=bool), np.ones(len(mirrored.xy), dtype=bool)
    rest_a[a], rest_b[b] = False, False
    xy = np.concatenate([(plain.xy[a] + mirrored.xy[b]) / 2, plain.xy[rest_a], mirrored.xy[rest_b]])
    score = np.concatenate([(first[a] + second[b]) / 2, first[rest_a] / 2, second[rest_b] / 2])
    return Answer(xy=xy, score=score, count=count)
