"""Annotations and Predictions: a whole dataset as frozen, read-only, ragged columns.

Coordinates are continuous pixels, x to the right and y down, origin at the top-left corner of the image (pixel
``i`` covers ``[i, i + 1)``). The constructors check every column, so later code need not check again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crowdeval.errors import InputError, listed
from crowdeval.plugins import Extensions
from crowdeval.points.columns import (
    Labels,
    fact_column,
    label_column,
    level_column,
    number_table,
    size_table,
    true_counts,
)
from crowdeval.points.fingerprints import fingerprint
from crowdeval.points.ragged import (
    Flags,
    Floats,
    Integers,
    Ragged,
    as_column,
    as_offsets,
    as_points,
    read_only,
)

CONSTRUCTORS: Extensions[Callable[[Any], Any]] = Extensions("constructor", "crowdeval.constructors")
"""The functions behind ``from_images`` and ``from_frame``, found by name; their modules are above this one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Annotations:
    """The true points of a dataset.

    Parameters
    ----------
    image_ids : sequence of str
        The m images, without repetition.
    offsets : array of int, (m + 1,)
        Image ``i`` owns the rows ``offsets[i]:offsets[i + 1]`` of the point columns.
    xy : array of float, (N, 2)
        Points in pixels.
    boxes : array of float, (N, 4), optional
        Head boxes x1, y1, x2, y2 in pixels.
    radii : array of float, (N, 2), optional
        sigma_s and sigma_l in pixels, where a file gives them instead of boxes. Those of public files are sometimes
        negative or swapped: metrics that read radii refuse them by name, other metrics are not concerned.
    level : array of int, (N,), optional
        Head-area level 0..5 (NWPU-Crowd); 0 also below one square pixel.
    sizes : array of float, (m, 2), optional
        Width and height of the images in pixels; NaN where unknown.
    attributes : mapping of str to array, (m,), optional
        Other facts about each image: scene level, weather, file name.
    point_attributes : mapping of str to array, (N,), optional
        Other facts about each point: occlusion, blur.
    labels : sequence of str, (N,), optional
        Class of each point; empty text where it has none.
    classes : mapping of str to str
        Names of classes by the numbers that files of predictions call them by, as the categories of COCO.
    counts : array of int, (m,), optional
        True count of each image. By default the number of its points; other counts need ``located=False``.
    located : bool
        False for counts without points: no point metric applies.

    Raises
    ------
    InputError
        If an image id is empty or repeated, or a column has the wrong shape, a value that is not finite or a value
        out of range.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 2, 2], xy=[[1.0, 2.0], [3.0, 4.0]])
    >>> truth.counts.tolist()
    [2, 0]
    """

    image_ids: tuple[str, ...]
    offsets: Integers
    xy: Floats
    boxes: Floats | None = None
    radii: Floats | None = None
    level: NDArray[np.int64] | None = None
    sizes: Floats | None = None
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    point_attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    labels: Labels | None = None
    classes: Mapping[str, str] = field(default_factory=dict)
    counts: Integers = None  # type: ignore[assignment]
    located: bool = True

    if TYPE_CHECKING:  # lists and arrays of any number type are taken, and become the columns above

        def __init__(
            self,
            *,
            image_ids: Iterable[str],
            offsets: ArrayLike,
            xy: ArrayLike,
            boxes: ArrayLike | None = None,
            radii: ArrayLike | None = None,
            level: ArrayLike | None = None,
            sizes: ArrayLike | None = None,
            attributes: Mapping[str, ArrayLike] = ...,
            point_attributes: Mapping[str, ArrayLike] = ...,
            labels: Sequence[str] | Labels | None = None,
            classes: Mapping[str, str] = ...,
            counts: ArrayLike | None = None,
            located: bool = True,
        ) -> None: ...

    def __post_init__(self) -> None:
        _common_columns(self)
        rows = len(self.xy)
        for name, width in (("boxes", 4), ("radii", 2)):
            column = getattr(self, name)
            if column is not None:
                _set(self, name, read_only(number_table(f"annotations.{name}", column, rows, width)))
        if self.level is not None:
            _set(self, "level", read_only(level_column(self.level, rows)))
        if self.sizes is not None:
            _set(self, "sizes", read_only(size_table("annotations.sizes", self.sizes, self.image_ids)))
        if self.labels is not None:
            _set(self, "labels", read_only(label_column("annotations.labels", self.labels, rows)))
        _set(self, "classes", MappingProxyType(dict(self.classes)))
        _set(self, "counts", read_only(true_counts(self.counts, self.image_ids, self.offsets, located=self.located)))
        for side, length in (("attributes", len(self.image_ids)), ("point_attributes", rows)):
            given = dict(getattr(self, side)).items()
            columns = {name: fact_column(f"annotations.{side}[{name!r}]", values) for name, values in given}
            for name, values in columns.items():
                if values.shape != (length,):
                    raise InputError(f"annotations.{side}[{name!r}]: expected shape ({length},), found {values.shape}")
            _set(self, side, MappingProxyType({k: read_only(v) for k, v in columns.items()}))

    @staticmethod
    def from_images(images: Any) -> Annotations:
        """Return annotations from a dict by image id, or a list, of true points, boxes or counts.

        Parameters
        ----------
        images : mapping of str to entry, or sequence of entries
            An entry is an array or tensor (N, 2) of points in pixels; a dict with the keys ``points`` or ``boxes``,
            and perhaps ``labels``, ``width`` and ``height``, ``radii``, ``levels``; a data frame with the columns x and
            y; a whole number, which is a count; None for no points. In a sequence the images are called "0", "1", ...

        Returns
        -------
        Annotations

        Raises
        ------
        InputError
            If an entry is none of them; the message names the image.

        Examples
        --------
        >>> Annotations.from_images({"a": [[10, 20], [30, 40]], "b": []})
        Annotations(2 images, 2 points)
        """
        made: Annotations = CONSTRUCTORS["annotations of images"](images)
        return made

    @staticmethod
    def from_frame(frame: Any) -> Annotations:
        """Return annotations from a data frame with one row a point.

        Parameters
        ----------
        frame : pandas.DataFrame
            The columns image, x and y, in pixels, and perhaps label, width and height; or image and count. Other
            spellings are those of CSV files. A row without x and y declares an image without points.

        Returns
        -------
        Annotations

        Raises
        ------
        InputError
            If a column is missing or has a wrong value.

        Examples
        --------
        >>> import pandas as pd
        >>> Annotations.from_frame(pd.DataFrame({"image": ["a", "a"], "x": [1, 2], "y": [3, 4]}))
        Annotations(1 images, 2 points)
        """
        made: Annotations = CONSTRUCTORS["annotations of a frame"](frame)
        return made

    @property
    def points(self) -> Ragged:
        """The true points by image."""
        return Ragged(self.xy, self.offsets)

    @property
    def fingerprint(self) -> str:
        """The hash of ids, points, boxes, radii and, without points, counts; the order of rows does not change it."""
        counts = None if self.located else self.counts.astype(np.float64)
        return fingerprint("annotations", self.image_ids, self.points, [self.xy, self.boxes, self.radii], counts=counts)

    def take(self, images: Integers) -> Annotations:
        """Return some images with all their columns.

        Parameters
        ----------
        images : array of int, (n,)
            Positions of the images in the order of the result, each at most once.

        Returns
        -------
        Annotations

        Examples
        --------
        >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 2, 3], xy=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        >>> truth.take(np.array([1, 0])).xy.tolist()
        [[5.0, 6.0], [1.0, 2.0], [3.0, 4.0]]
        """
        points = self.points
        return replace(
            self,
            image_ids=tuple(self.image_ids[i] for i in images.tolist()),
            offsets=points.take(images).offsets,
            sizes=None if self.sizes is None else self.sizes[images],
            counts=None if self.located else self.counts[images],  # type: ignore[arg-type]
            attributes={name: values[images] for name, values in self.attributes.items()},
            **self._rows(points.rows(images)),
        )

    def where(self, kept: Flags) -> Annotations:
        """Return the same images with some of their points.

        Parameters
        ----------
        kept : array of bool, (N,)
            The points to keep.

        Returns
        -------
        Annotations

        Examples
        --------
        >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 2, 3], xy=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        >>> truth.where(np.array([False, True, True])).counts.tolist()
        [1, 1]
        """
        counts = None if self.located else self.counts
        rows = self._rows(np.flatnonzero(kept))
        return replace(self, offsets=self.points.where(kept).offsets, counts=counts, **rows)  # type: ignore[arg-type]

    def _rows(self, rows: Integers) -> dict[str, Any]:
        """Return these rows of every column that has one row a point."""
        whole = {name: getattr(self, name) for name in POINT_COLUMNS}
        columns = {name: None if column is None else column[rows] for name, column in whole.items()}
        return columns | {"point_attributes": {name: values[rows] for name, values in self.point_attributes.items()}}

    def __repr__(self) -> str:
        people = f"{len(self.xy):,} points" if self.located else f"counts only: {int(self.counts.sum()):,} people"
        return f"Annotations({len(self.image_ids):,} images, {people})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """The predicted points of a dataset, or only the predicted count of every image.

    Parameters
    ----------
    image_ids : sequence of str
        The m images, without repetition.
    offsets : array of int, (m + 1,)
        Image ``i`` owns the rows ``offsets[i]:offsets[i + 1]`` of the point columns.
    xy : array of float, (M, 2)
        Points in pixels.
    score : array of float, (M,), optional
        Confidences; without them every prediction counts as confidence 1.
    counts : array of float, (m,), optional
        Estimated count of an image where the method gives one (a density map's sum); NaN where it gives none.
    located : bool
        False for a method that predicts counts only: it has no points, and no point metric applies.
    sizes : array of float, (m, 2), optional
        Width and height of the frame that the points of an image are in: of the resized image that a model saw, or 1 x
        1 for points in parts of width and height. NaN, or no sizes, means the pixels of the image. Scoring brings
        the points to the annotated size of the image.
    labels : sequence of str, (M,), optional
        Class of each point; empty text where it has none.

    Raises
    ------
    InputError
        If an image id is empty or repeated, or a column has the wrong shape, a value that is not finite or a value
        out of range.

    Examples
    --------
    >>> Predictions(image_ids=["a", "b"], offsets=[0, 2, 2], xy=[[1.0, 2.0], [3.0, 4.0]], score=[0.9, 0.4])
    Predictions(2 images, 2 points)
    """

    image_ids: tuple[str, ...]
    offsets: Integers
    xy: Floats
    score: Floats | None = None
    counts: Floats | None = None
    located: bool = True
    sizes: Floats | None = None
    labels: Labels | None = None

    if TYPE_CHECKING:  # lists and arrays of any number type are taken, and become the columns above

        def __init__(
            self,
            *,
            image_ids: Iterable[str],
            offsets: ArrayLike,
            xy: ArrayLike,
            score: ArrayLike | None = None,
            counts: ArrayLike | None = None,
            located: bool = True,
            sizes: ArrayLike | None = None,
            labels: Sequence[str] | Labels | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        _common_columns(self)
        images = len(self.image_ids)
        if self.sizes is not None:
            _set(self, "sizes", read_only(size_table("predictions.sizes", self.sizes, self.image_ids)))
        if self.labels is not None:
            _set(self, "labels", read_only(label_column("predictions.labels", self.labels, len(self.xy))))
        if self.score is not None:
            _set(self, "score", read_only(as_column("predictions.score", self.score, len(self.xy))))
        if self.counts is not None:
            counts = as_column("predictions.counts", self.counts, images, finite=False)
            if (counts < 0).any():
                image = int(np.argmax(counts < 0))
                raise InputError(
                    "predictions.counts: expected counts of at least 0, "
                    f"found {counts[image]} for image {self.image_ids[image]!r}"
                )
            _set(self, "counts", read_only(counts))
        if not self.located and (len(self.xy) or self.counts is None or np.isnan(self.counts).any()):
            raise InputError(
                "predictions.located: predictions without locations (located=False) need a count for every image and "
                "no points"
            )

    @staticmethod
    def from_images(images: Any) -> Predictions:
        """Return predictions from a dict by image id, or a list, of points with or without confidences.

        Parameters
        ----------
        images : mapping of str to entry, or sequence of entries
            An entry is an array or tensor (M, 2) of points in pixels, or (M, 3) with confidences; a pair (points,
            scores); a dict with the keys ``points`` or ``boxes``, and perhaps ``scores``, ``labels``, ``count``,
            ``width`` and ``height``; a data frame with the columns x, y and perhaps score; a number, which is a count;
            None for no points. In a sequence the images are called "0", "1", ...

        Returns
        -------
        Predictions

        Raises
        ------
        InputError
            If an entry is none of them; the message names the image.

        Examples
        --------
        >>> Predictions.from_images({"a": ([[10, 20]], [0.9]), "b": []})
        Predictions(2 images, 1 points)
        """
        made: Predictions = CONSTRUCTORS["predictions of images"](images)
        return made

    @staticmethod
    def from_frame(frame: Any) -> Predictions:
        """Return predictions from a data frame with one row a point.

        Parameters
        ----------
        frame : pandas.DataFrame
            The columns image, x and y, in pixels, and perhaps score and label; or image and count. Other spellings are
            those of CSV files. A row without x and y declares an image without points.

        Returns
        -------
        Predictions

        Raises
        ------
        InputError
            If a column is missing or has a wrong value.

        Examples
        --------
        >>> import pandas as pd
        >>> Predictions.from_frame(pd.DataFrame({"image": ["a"], "x": [1], "y": [3], "score": [0.5]}))
        Predictions(1 images, 1 points)
        """
        made: Predictions = CONSTRUCTORS["predictions of a frame"](frame)
        return made

    @property
    def points(self) -> Ragged:
        """The predicted points by image."""
        return Ragged(self.xy, self.offsets)

    @property
    def fingerprint(self) -> str:
        """The hash of ids, points as given, confidences and counts; the order of rows does not change it."""
        return fingerprint("predictions", self.image_ids, self.points, [self.xy, self.score], counts=self.counts)

    def take(self, images: Integers) -> Predictions:
        """Return some images with all their columns.

        Parameters
        ----------
        images : array of int, (n,)
            Positions of the images in the order of the result, each at most once.

        Returns
        -------
        Predictions

        Examples
        --------
        >>> predictions = Predictions(image_ids=["a", "b"], offsets=[0, 1, 1], xy=[[1.0, 2.0]], score=[0.9])
        >>> predictions.take(np.array([1]))
        Predictions(1 images, 0 points)
        """
        points, rows = self.points.take(images), self.points.rows(images)
        return replace(
            self,
            image_ids=tuple(self.image_ids[i] for i in images.tolist()),
            offsets=points.offsets,
            xy=points.xy,
            score=None if self.score is None else self.score[rows],
            counts=None if self.counts is None else self.counts[images],
            sizes=None if self.sizes is None else self.sizes[images],
            labels=None if self.labels is None else self.labels[rows],
        )

    def where(self, kept: Flags) -> Predictions:
        """Return the same images with some of their points.

        Parameters
        ----------
        kept : array of bool, (M,)
            The points to keep.

        Returns
        -------
        Predictions
            Without counts, which were those of all points; counts without points stay as they are.

        Examples
        --------
        >>> predictions = Predictions(image_ids=["a", "b"], offsets=[0, 1, 2], xy=[[1.0, 2.0], [3.0, 4.0]])
        >>> predictions.where(np.array([False, True])).offsets.tolist()
        [0, 0, 1]
        """
        return replace(
            self,
            offsets=self.points.where(kept).offsets,
            xy=self.xy[kept],
            score=None if self.score is None else self.score[kept],
            counts=None if self.located else self.counts,
            labels=None if self.labels is None else self.labels[kept],
        )

    def __repr__(self) -> str:
        if not self.located and self.counts is not None:
            people = f"{np.nansum(self.counts):,.1f}".removesuffix(".0")
            return f"Predictions({len(self.image_ids):,} images, counts only: {people} people)"
        scored = "" if self.score is not None else ", no confidences"
        return f"Predictions({len(self.image_ids):,} images, {len(self.xy):,} points{scored})"


POINT_COLUMNS = ("xy", "boxes", "radii", "level", "labels")
"""Names of the annotations' columns with one row a point; the point attributes come in addition."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def _set(value: object, name: str, content: object) -> None:
    """Set a field of a frozen dataclass, which its constructor has to do for cleaned columns."""
    object.__setattr__(value, name, content)


def _common_columns(value: Annotations | Predictions) -> None:
    """Check and set the columns that both types have: image ids, points and offsets."""
    side = type(value).__name__.lower()
    ids = tuple(value.image_ids)
    if any(not isinstance(name, str) or not name or _SURROGATE.search(name) for name in ids):
        bad = next(name for name in ids if not isinstance(name, str) or not name or _SURROGATE.search(name))
        raise InputError(
            f"{side}.image_ids: expected strings that are not empty and consist of whole characters, found {bad!r}"
        )
    if len(set(ids)) != len(ids):
        raise InputError(f"{side}.image_ids: {listed(repeated_names(ids))} given more than once")
    xy = as_points(f"{side}.xy", value.xy)
    _set(value, "image_ids", ids)
    _set(value, "xy", read_only(xy))
    _set(value, "offsets", read_only(as_offsets(f"{side}.offsets", value.offsets, len(ids), len(xy))))


def repeated_names(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once.

    Parameters
    ----------
    names : iterable of str
        Any names.

    Returns
    -------
    list of str
        Each repeated name once, in the order of its first occurrence.

    Examples
    --------
    >>> repeated_names(["a", "b", "c", "b", "a", "b"])
    ['a', 'b']
    """
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [name for name, times in seen.items() if times > 1]
