"""Collect what the file of another tool says, image by image, with all its problems, and turn it into columns.

A reader goes through its file and calls ``image`` for every image, then ``point`` or ``box`` for what stands in it.
Values come as the file has them; a wrong one becomes a problem with its place, and the reading goes on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.errors import Problems, listed, shown
from crowdeval.formats.contract import Kind, counted, warn
from crowdeval.formats.source import Source
from crowdeval.points.alignment import stem
from crowdeval.points.assemble import (
    ImageAnnotations,
    ImagePredictions,
    assemble_annotations,
    assemble_predictions,
    attribute_columns,
    size_column,
)
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import LARGEST, Floats
from crowdeval.points.sets import Annotations, Predictions

Size = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(slots=True)
class FileImage:
    """What a file says of one image; ``unit`` is the frame of the coordinates where they are not pixels.

    Parameters
    ----------
    name : str
        The id of the image.
    key : str
        Its place in the file, for messages.
    size : (float, float) or None
        Width and height in pixels, where the file has them.
    unit : (float, float) or None
        Width and height that the coordinates are parts of: (1, 1) for parts of the side, (100, 100) for percent.
    count : float or None
        The number of people, where the file has only that.
    attributes : dict
        Other facts about the image.
    """

    name: str
    key: str = ""
    size: Size | None = None
    unit: Size | None = None
    count: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    xy: list[tuple[float, float]] = field(default_factory=list)
    boxes: list[Box | None] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


class Reading:
    """The images of one file, as a reader finds them.

    Parameters
    ----------
    source : Source
        The file.
    kind : {"predictions", "annotations"}
        The kind that is read. A reader asks for it where a file holds both.

    Attributes
    ----------
    problems : Problems
        The problems so far; ``problem`` adds one.
    source : Source
        The file that is read.
    kind : {"predictions", "annotations"}
        The kind that is read.
    classes : dict of str to str
        Names of classes by their numbers, where the file has such a list.

    Examples
    --------
    >>> reading = Reading(Source("herd.xml", b""), "annotations")
    >>> image = reading.image("IMG_1", size=(640, 480))
    >>> reading.point(image, 10, 20, label="zebra")
    >>> reading.annotations().xy.tolist()
    [[10.0, 20.0]]
    """

    def __init__(self, source: Source, kind: Kind) -> None:
        self.source = source
        self.kind = kind
        self.name = source.name
        self.problems = Problems(source.name)
        self.classes: dict[str, str] = {}
        self._many = False
        self._images: dict[str, FileImage] = {}
        self._centres = 0
        self._passed: Counter[str] = Counter()
        self._notes: dict[str, None] = {}

    def open(self, source: Source) -> None:
        """Go on with another file of the same set, whose name then stands before the keys of its problems.

        Parameters
        ----------
        source : Source
            The next file.
        """
        self.source, self._many = source, True

    def problem(
        self, expected: str, found: str, *, key: str = "", line: int | None = None, image: str | None = None,
        hint: str | None = None,
    ) -> None:  # fmt: skip
        """Add a problem of the file that is read; all parameters are those of ``Problem``."""
        if self._many:
            key = f"{Path(self.source.name).name} {key}".strip()
        self.problems.add(expected, found, line=line, key=key or None, image=image, hint=hint)

    def image(
        self,
        name: Any,
        *,
        size: tuple[Any, Any] | None = None,
        unit: Size | None = None,
        key: str = "",
        again: bool = False,
    ) -> FileImage:
        """Return a new image, to which points are added.

        Parameters
        ----------
        name : object
            Its id; a problem where it is no text, empty, or the name of an earlier image.
        size : (object, object), optional
            Width and height in pixels; a problem where one of them is no positive number.
        unit : (float, float), optional
            The frame of its coordinates: (1, 1) for parts of width and height.
        key : str
            Its place in the file.
        again : bool
            Whether an image may come again, as in a file with one line for each point; it is then the same image.

        Returns
        -------
        FileImage
        """
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str) or not name:
            self.problem("the name of an image", shown(name), key=key)
            name = f"{len(self._images)}"
        if name in self._images:
            if not again:
                self.problem("every image once", f"{name!r} a second time", key=key, image=name)
            return self._images[name]
        image = FileImage(name, key, unit=unit)
        if size is not None and size != (None, None):
            width, height = (self._number(side, word, key, name) for side, word in zip(size, _SIDES, strict=True))
            if width is not None and height is not None and min(width, height) <= 0:
                self.problem("a positive width and height", shown(list(size)), key=key, image=name)
            elif width is not None and height is not None and max(width, height) > LARGEST:
                self.problem(f"a width and height within {LARGEST:.0e}", shown(list(size)), key=key, image=name)
            elif width is not None and height is not None:
                image.size = (width, height)
        self._images[name] = image
        return image

    def point(
        self,
        image: FileImage,
        x: Any,
        y: Any,
        *,
        score: Any = None,
        label: Any = "",
        key: str = "",
        box: Box | None = None,
    ) -> None:
        """Add a point; a problem where a coordinate or the confidence is no finite number.

        Parameters
        ----------
        image : FileImage
            Its image.
        x, y : object
            Its coordinates, in pixels or in the unit of the image.
        score : object
            Its confidence; None where it has none.
        label : object
            Its class; None and an empty text are none.
        key : str
            Its place in the file.
        box : (float, float, float, float), optional
            The corners x1, y1, x2, y2 of its box, where the file has both.
        """
        self._add(image, (x, y), box, score=score, label=label, key=key)

    def box(
        self, image: FileImage, corners: Sequence[Any], *, score: Any = None, label: Any = "", key: str = ""
    ) -> None:
        """Add the centre of a box.

        Parameters
        ----------
        image : FileImage
            Its image.
        corners : sequence of 4 objects
            x1, y1, x2, y2, in pixels or in the unit of the image.
        score, label, key
            The same as for ``point``.
        """
        values = [self._number(value, "a corner", key, image.name) for value in corners]
        if len(values) != 4 or None in values:
            if len(values) != 4:
                self.problem("the 4 numbers of a box", shown(list(corners)), key=key, image=image.name)
            return
        x1, y1, x2, y2 = (float(value or 0.0) for value in values)
        if x2 < x1 or y2 < y1:
            found = shown([x1, y1, x2, y2])
            self.problem("a box with x1 <= x2 and y1 <= y2", found, key=key, image=image.name)
        if max(abs(x1), abs(y1), abs(x2), abs(y2)) > LARGEST:
            found = shown([x1, y1, x2, y2])
            self.problem(f"corners within {LARGEST:.0e} pixels", found, key=key, image=image.name)
            return
        self._centres += 1
        self._add(image, ((x1 + x2) / 2, (y1 + y2) / 2), (x1, y1, x2, y2), score=score, label=label, key=key)

    def pass_over(self, what: str, number: int = 1) -> None:
        """Count something that is no point and is not read, such as ``"polygon"``; it is said at the end."""
        self._passed[what] += number

    def note(self, text: str) -> None:
        """Say something about the file, once."""
        self._notes[text] = None

    def finish(self) -> Predictions | Annotations:
        """Return the columns of the kind that is read."""
        return self.predictions() if self.kind == "predictions" else self.annotations()

    def predictions(self) -> Predictions:
        """Return the predictions; raise FormatError with all problems.

        Returns
        -------
        Predictions
            Where an image has a unit but no size, its points stay in that unit, which is then the frame of the image.
        """
        self._many = False
        scored = [image.name for image in self._images.values() if any(score is not None for score in image.scores)]
        unscored = [image.name for image in self._images.values() if None in image.scores]
        if scored and unscored:
            found = f"none for points of {listed(unscored, most=3)}"
            self.problem("a confidence for every point, or for none", found)
        for image in self._images.values():
            image.size = image.size or (None if image.unit is None else self._listed_size(image))
        located = any(image.xy for image in self._images.values())
        counting = [image for image in self._images.values() if image.count is not None]
        if counting and not located and len(counting) < len(self._images):
            lacking = [image.name for image in self._images.values() if image.count is None]
            self.problem("a count for every image", f"none for {listed(lacking, most=3)}")
        self._say()
        return assemble_predictions(
            {
                image.name: ImagePredictions(
                    xy=None if counting and not located else _in_size(_rows(image.xy, 2), image),
                    score=np.array(image.scores, dtype=np.float64) if scored and image.scores else None,
                    count=image.count,
                    size=image.size or image.unit,
                    labels=self._labels(image),
                )
                for image in self._images.values()
            }
        )

    def annotations(self) -> Annotations:
        """Return the annotations, with boxes where every point has one; raise FormatError with all problems.

        Returns
        -------
        Annotations
            Sizes that the file lacks are those of the option ``--images``.
        """
        self._many = False
        for image in self._images.values():
            image.size = image.size or self._listed_size(image)
            if image.unit is not None and image.size is None and image.xy:
                hint = "name the folder of the images: --images DIR, or images= in Python"
                self.problem("the width and height of the image, which its points are parts of", "none",
                                  image=image.name, hint=hint)  # fmt: skip
        points = sum(len(image.xy) for image in self._images.values())
        boxes = sum(box is not None for image in self._images.values() for box in image.boxes)
        if boxes and boxes < points:
            self.note(f"boxes are not kept: they are given for {boxes:,} of {counted(points, 'point')}")
        if any(score is not None for image in self._images.values() for score in image.scores):
            self.note("confidences are not read as annotations")
        if points == 0 and self._images and all(image.count is not None for image in self._images.values()):
            return self._true_counts()
        self._say()
        whole = bool(boxes) and boxes == points
        images = list(self._images.values())
        return assemble_annotations(
            {
                image.name: ImageAnnotations(
                    xy=_in_size(_rows(image.xy, 2), image),
                    boxes=_in_size(_rows([box for box in image.boxes if box], 4), image) if whole else None,
                    labels=self._labels(image),
                )
                for image in images
            },
            sizes=size_column([image.size for image in images]),
            attributes=attribute_columns([image.attributes for image in images]),
            classes=self.classes,
        )

    def _listed_size(self, image: FileImage) -> Size | None:
        """Return the size that the option ``--images`` has for an image."""
        return self.source.sizes.get(image.name) or self.source.sizes.get(stem(image.name))

    def _true_counts(self) -> Annotations:
        """Return annotations of counts without points."""
        for image in self._images.values():
            if image.count is not None and image.count % 1:
                self.problem("a whole number of people", f"{image.count:g}", image=image.name)
        self._say()
        return Annotations(
            image_ids=tuple(self._images),
            offsets=[0] * (len(self._images) + 1),
            xy=np.empty((0, 2)),
            sizes=size_column([image.size for image in self._images.values()]),
            counts=[image.count or 0 for image in self._images.values()],
            located=False,
        )

    def _add(self, image: FileImage, xy: tuple[Any, Any], box: Box | None, *, score: Any, label: Any, key: str) -> None:
        x, y = (self._number(value, "a coordinate", key, image.name) for value in xy)
        confidence = None if score is None else self._number(score, "a confidence", key, image.name)
        if x is None or y is None or (score is not None and confidence is None):
            return
        if max(abs(x), abs(y)) > LARGEST:
            expected = f"a coordinate within {LARGEST:.0e} pixels"
            self.problem(expected, shown([x, y]), key=key, image=image.name)
            return
        image.xy.append((x, y))
        image.boxes.append(box)
        image.scores.append(confidence)
        image.labels.append("" if label is None else str(label))

    def _number(self, value: Any, what: str, key: str, image: str) -> float | None:
        """Return a finite number; add a problem and return None for anything else, but read a text of a number."""
        if isinstance(value, str):
            with suppress(ValueError):
                value = float(value) if value.isascii() and "_" not in value else value
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        if not sound or (isinstance(value, int) and abs(value) > 2**1023) or not math.isfinite(value):
            self.problem(f"{what}, a finite number", shown(value), key=key, image=image)
            return None
        return float(value)

    def _labels(self, image: FileImage) -> Labels | None:
        """Return the classes of the points of an image; None where it has none."""
        if not any(image.labels):
            return None
        labels = np.empty(len(image.labels), dtype=object)
        labels[:] = [self.classes.get(label, label) for label in image.labels]
        return labels

    def _say(self) -> None:
        """Raise FormatError where there are problems, else say what was passed over and what the points are."""
        self.problems.raise_if_any()
        texts = [f"the points are the centres of {counted(self._centres, 'box', 'boxes')}"] * bool(self._centres)
        texts += [
            f"{counted(number, what, _plural(what))} {'is' if number == 1 else 'are'} not read"
            for what, number in self._passed.items()
        ]
        for text in [*texts, *self._notes]:
            warn(f"{self.name}: {text}")


_SIDES = ("a width", "a height")


def _rows(values: Sequence[tuple[float, ...]], width: int) -> Floats:
    """Return rows as an array, (n, width)."""
    return np.array(values, dtype=np.float64).reshape(-1, width)


def _in_size(rows: Floats, image: FileImage) -> Floats:
    """Return points or boxes in pixels, where the image has a unit and a size; else unchanged."""
    if image.unit is None or image.size is None:
        return rows
    factors: Floats = np.tile(np.array(image.size) / np.array(image.unit), rows.shape[1] // 2)
    return rows * factors


def _plural(what: str) -> str:
    """Return the plural of a noun in English."""
    return f"{what}es" if what.endswith("x") else f"{what}s"
