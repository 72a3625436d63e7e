"""Prediction on scaled images, tiles and mirror images, and the way of the points back to the image.

A frame is the picture that a predictor sees of an image. The frames of an image follow from these steps:

Scaling
    An image whose longer side exceeds ``max_side`` is resized. Points go back by the exact quotient of the sizes.
Tiles
    Cores divide the image; a tile is a core and ``overlap`` pixels around it. A point counts in the tile whose core it
    lies in, so that no point is lost or counted twice. Two tiles may see one person on two sides of their seam: of two
    points of different tiles within ``merge`` pixels, the one of lower confidence is dropped.
Mirror image
    A point of the image and a point of the mirror image (x -> width - x) are a pair if each is the nearest to the other
    and they are within ``merge`` pixels. A pair becomes one point at the mean position, with the mean confidence. A
    point without a partner keeps half its confidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np

from crowdeval.adapters.contract import Answer, Image, Predictor, answers, model_id
from crowdeval.adapters.raster import Box, LargeImage
from crowdeval.errors import PredictorError, UsageError
from crowdeval.options import MERGE, OVERLAP
from crowdeval.points.ragged import Flags, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The settings of the frames.

    Parameters
    ----------
    max_side : int, optional
        Longest side of a frame in pixels; larger images are resized.
    tile : int, optional
        Side of a tile in pixels; larger images are cut.
    overlap : int
        Pixels of a tile beyond its core, on each side.
    merge : float
        Largest distance in pixels of two points that are one person, across a seam or between image and mirror image.
    flip : bool
        Whether the predictor also sees the mirror image.

    Raises
    ------
    UsageError
        If a side is below 16 pixels, a distance is negative, or a tile is not larger than twice the overlap.

    Examples
    --------
    >>> Frames(tile=1024, overlap=64).max_side is None
    True
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
            raise UsageError(
                f"overlap and merge: expected at least 0 pixels, found overlap {self.overlap} and merge {self.merge}"
            )
        if self.tile is not None and self.tile <= 2 * self.overlap:
            raise UsageError(f"tile: expected more than twice the overlap ({2 * self.overlap}), found {self.tile}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """The place of a frame in an image.

    ``left`` and ``top`` are its corner in the (scaled) image. Points count in ``core``: low x, high x, low y, high y.
    """

    left: int
    top: int
    width: int
    core: tuple[float, float, float, float]
    mirrored: bool


def predict_in_frames(predictor: Predictor, images: Sequence[Image | LargeImage], frames: Frames) -> list[Answer]:
    """Return a predictor's answers for images that it sees through frames.

    Parameters
    ----------
    predictor : Predictor
        The predictor. One without pixels (``needs_pixels``) gets the images as they are.
    images : sequence of Image or LargeImage
        The whole images; the frames of a large one are read batch by batch.
    frames : Frames
        The settings of the frames.

    Returns
    -------
    list of Answer
        One for each image, in their order; points in pixels of the whole image.

    Raises
    ------
    PredictorError
        If the predictor fails, or answers tiles with counts: tiles overlap, so that their counts can't be summed.

    Examples
    --------
    >>> class Corner:
    ...     name, revision = "corner", "1"
    ...
    ...     def predict(self, images):
    ...         return [([[image.pixels.shape[1], image.pixels.shape[0]]], [0.5]) for image in images]
    >>> image = Image(id="a", pixels=np.zeros((40, 80, 3), dtype=np.uint8))
    >>> [answer] = predict_in_frames(Corner(), [image], Frames(max_side=20))
    >>> answer.xy.tolist()
    [[80.0, 40.0]]
    """
    if not getattr(predictor, "needs_pixels", True):
        return answers(predictor, [image for image in images if isinstance(image, Image)])
    scaled = [_scale(image, frames.max_side) for image in images]
    found: list[list[tuple[_View, Answer]]] = [[] for _ in images]
    # One flat sequence of the views of all images, so that batches are full: 3 and 2 views in batches of 4 -> 4 and 1.
    # It is lazy: the pixels of one batch are there at a time.
    views = ((number, *view) for number, image in enumerate(scaled) for view in _views(image, frames))
    try:
        while batch := list(islice(views, max(1, int(getattr(predictor, "batch_size", 1))))):
            for (number, view, _), answer in zip(batch, answers(predictor, [seen for *_, seen in batch]), strict=True):
                found[number].append((view, answer))
    finally:
        for image in scaled:
            if isinstance(image, LargeImage):
                image.raster.close()
    place = f"{model_id(predictor)}, image"
    return [
        _combine_views(_size(image), _size(small), each, frames, f"{place} {image.id!r}")
        for image, small, each in zip(images, scaled, found, strict=True)
    ]


def _size(image: Image | LargeImage) -> tuple[int, int]:
    """Return width and height."""
    if isinstance(image, LargeImage):
        return image.raster.width, image.raster.height
    return image.pixels.shape[1], image.pixels.shape[0]


def _scale(image: Image | LargeImage, max_side: int | None) -> Image | LargeImage:
    width, height = _size(image)
    if isinstance(image, LargeImage) or max_side is None or max(height, width) <= max_side:
        return image
    from PIL import Image as Pillow

    factor = max_side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = np.asarray(Pillow.fromarray(image.pixels).resize(size, Pillow.Resampling.BILINEAR))
    return replace(image, pixels=pixels, path=None, window=None, size=None)


def _views(image: Image | LargeImage, frames: Frames) -> Iterator[tuple[_View, Image]]:
    """Yield the views of an image: its tiles column by column, each followed by its mirror image."""
    width, height = _size(image)
    columns, rows = list(_tile_spans(width, frames)), list(_tile_spans(height, frames))
    tiles = [(column, row) for column in columns for row in rows]
    if isinstance(image, LargeImage):  # row by row, because files are stored in this order
        tiles.sort(key=lambda tile: (tile[1], tile[0]))
    for (left, right, low_x, high_x), (top, bottom, low_y, high_y) in tiles:
        seen = _part(image, (left, top, right, bottom))
        view = _View(left=left, top=top, width=right - left, core=(low_x, high_x, low_y, high_y), mirrored=False)
        yield view, seen
        if frames.flip:
            pixels = np.ascontiguousarray(seen.pixels[:, ::-1])
            yield replace(view, mirrored=True), replace(seen, pixels=pixels, path=None, window=None, size=None)


def _part(image: Image | LargeImage, box: Box) -> Image:
    """Return a part of an image. The whole image has no window, so that a program can read the file itself."""
    if isinstance(image, LargeImage):
        return Image(id=image.id, pixels=image.raster.pixels(box), path=image.raster.path, window=box)
    left, top, right, bottom = box
    if (right - left, bottom - top) == _size(image):
        return image
    pixels = image.pixels[top:bottom, left:right]
    if image.path is None:
        return replace(image, pixels=pixels, size=None if image.size is None else (right - left, bottom - top))
    x, y = image.window[:2] if image.window is not None else (0, 0)
    return replace(image, pixels=pixels, window=(x + left, y + top, x + right, y + bottom))


def _tile_spans(length: int, frames: Frames) -> Iterator[tuple[int, int, float, float]]:
    """Yield begin and end of each tile along an axis, and the half-open interval of its core."""
    if frames.tile is None or length <= frames.tile:
        yield 0, length, -np.inf, np.inf
        return
    # length 100, tile 70, overlap 10: cores of at most 50 pixels -> edges [0, 50, 100]
    # -> tiles (0, 60) with core [-inf, 50) and (40, 100) with core [50, inf); points may lie outside the image
    core = frames.tile - 2 * frames.overlap
    number = -(-length // core)
    edges = [round(i * length / number) for i in range(number + 1)]
    for i, (begin, end) in enumerate(pairwise(edges)):
        low = -np.inf if i == 0 else float(begin)
        high = np.inf if i == number - 1 else float(end)
        yield max(0, begin - frames.overlap), min(length, end + frames.overlap), low, high


def _combine_views(
    size: tuple[int, int], small: tuple[int, int], views: Sequence[tuple[_View, Answer]], frames: Frames, place: str
) -> Answer:
    """Return the answer for an image from the answers of its views; the sizes are its own and that when scaled."""
    sides = [
        _join_tiles([pair for pair in views if pair[0].mirrored is mirrored], frames, place)
        for mirrored in ((False, True) if frames.flip else (False,))
    ]
    answer = sides[0] if len(sides) == 1 else _merge_mirror_image(sides[0], sides[1], frames.merge)
    if answer.xy is None or small == size:
        return answer
    return replace(answer, xy=answer.xy * np.array([size[0] / small[0], size[1] / small[1]]))


def _join_tiles(pairs: Sequence[tuple[_View, Answer]], frames: Frames, place: str) -> Answer:
    """Return one answer from the answers of an image's tiles, in pixels of the scaled image."""
    if len(pairs) == 1:
        view, answer = pairs[0]
        return answer if answer.xy is None else replace(answer, xy=_to_image_pixels(view, answer.xy))
    if any(answer.count is not None or answer.xy is None for _, answer in pairs):
        raise PredictorError(
            f"{place}: expected points without a count for each tile, found a count; tiles overlap, so that their "
            "counts can't be summed: leave out --tile"
        )
    xy, score, tile = [], [], []
    # Column by column, in whichever order the tiles were read, so that the points have one order.
    for number, (view, answer) in enumerate(sorted(pairs, key=lambda pair: pair[0].core[::2])):
        assert answer.xy is not None, "counts were refused"
        points = _to_image_pixels(view, answer.xy)
        low_x, high_x, low_y, high_y = view.core
        in_core = (points[:, 0] >= low_x) & (points[:, 0] < high_x) & (points[:, 1] >= low_y) & (points[:, 1] < high_y)
        xy.append(points[in_core])
        score.append(np.ones(int(in_core.sum())) if answer.score is None else answer.score[in_core])
        tile.append(np.full(int(in_core.sum()), number))
    points, scores = np.concatenate(xy), np.concatenate(score)
    kept = _keep_one_at_seams(points, scores, np.concatenate(tile), frames.merge)
    unscored = all(answer.score is None for _, answer in pairs)
    return Answer(xy=points[kept], score=None if unscored else scores[kept])


def _to_image_pixels(view: _View, xy: Floats) -> Floats:
    """Return points of a view in pixels of the scaled image."""
    moved = xy.copy()
    if view.mirrored:
        moved[:, 0] = view.width - moved[:, 0]
    return moved + np.array([view.left, view.top], dtype=np.float64)


def _keep_one_at_seams(xy: Floats, score: Floats, tile: Floats, merge: float) -> Flags:
    """Return the points to keep: of two points of different tiles within ``merge`` pixels, the more confident."""
    from scipy.spatial import cKDTree

    kept = np.ones(len(xy), dtype=bool)
    if not len(xy) or merge == 0:
        return kept
    pairs = cKDTree(xy).query_pairs(merge, output_type="ndarray")
    pairs = pairs[tile[pairs[:, 0]] != tile[pairs[:, 1]]]
    # Rank of each point by descending score, then x, then y, so that points of equal score have a fixed order.
    # scores [0.5, 0.9, 0.7] -> rank [2, 0, 1]; pairs [[0, 1], [0, 2]] -> better first [[1, 0], [2, 0]].
    rank = np.empty(len(xy), dtype=np.int64)
    rank[np.lexsort((xy[:, 1], xy[:, 0], -score))] = np.arange(len(xy))
    better = np.where((rank[pairs[:, 0]] < rank[pairs[:, 1]])[:, None], pairs, pairs[:, ::-1])
    # Greedy, best point first, as in non-maximum suppression: a dropped point drops no other.
    for first, second in better[np.lexsort((rank[better[:, 1]], rank[better[:, 0]]))]:
        if kept[first]:
            kept[second] = False
    return kept


def _merge_mirror_image(upright: Answer, mirrored: Answer, merge: float) -> Answer:
    """Return one answer from those of an image and of its mirror image, both in pixels of the scaled image."""
    from scipy.spatial import cKDTree

    count = None if upright.count is None or mirrored.count is None else (upright.count + mirrored.count) / 2
    if upright.xy is None or mirrored.xy is None:
        return Answer(xy=None, count=count)
    score_a = np.ones(len(upright.xy)) if upright.score is None else upright.score
    score_b = np.ones(len(mirrored.xy)) if mirrored.score is None else mirrored.score
    a = b = np.empty(0, dtype=np.int64)
    if len(upright.xy) and len(mirrored.xy):
        # there[i] is the mirrored point nearest to upright point i, back[j] the upright point nearest to mirrored j.
        # there [0, 0, 1], back [1, 2] -> back[there] [1, 1, 2]; equal to i for points 1 and 2 -> a [1, 2], b [0, 1]
        distance, there = (np.asarray(column) for column in cKDTree(mirrored.xy).query(upright.xy))
        back = np.asarray(cKDTree(upright.xy).query(mirrored.xy)[1])
        mutual = (back[there] == np.arange(len(upright.xy))) & (distance <= merge)
        a, b = np.flatnonzero(mutual), there[mutual]
    alone_a, alone_b = np.ones(len(upright.xy), dtype=bool), np.ones(len(mirrored.xy), dtype=bool)
    alone_a[a], alone_b[b] = False, False
    xy = np.concatenate([(upright.xy[a] + mirrored.xy[b]) / 2, upright.xy[alone_a], mirrored.xy[alone_b]])
    score = np.concatenate([(score_a[a] + score_b[b]) / 2, score_a[alone_a] / 2, score_b[alone_b] / 2])
    return Answer(xy=xy, score=score, count=count)
