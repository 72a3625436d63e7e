"""Check image objects and short forms value by value, to find every problem of a file and its place.

This slow check runs only where the fast reader failed. It accepts exactly what the fast reader accepts. The values are
those of ``json_text.parse``: a number is an int or a float, an object is a ``json_text.Object``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from crowdeval.errors import FormatError, Problem, Problems, did_you_mean, listed, shown
from crowdeval.formats.contract import Kind, counted
from crowdeval.formats.image_objects import LARGEST_COUNT, LARGEST_LEVEL, AnnotatedImage, PredictedImage, format_mark
from crowdeval.formats.json_text import Object, child_key, is_encodable
from crowdeval.points.ragged import LARGEST

_KEYS: dict[Kind, tuple[str, ...]] = {
    "predictions": PredictedImage.__struct_fields__,
    "annotations": AnnotatedImage.__struct_fields__,
}
_OTHER: dict[Kind, Kind] = {"predictions": "annotations", "annotations": "predictions"}
_ROW_NAMES = {"boxes": ("x1", "y1", "x2", "y2"), "radii": ("sigma_s", "sigma_l")}
_POINT = ("x", "y")
_SCORED_POINT = ("x", "y", "score")
_COUNT_ONLY = "count only"


class ImageWalk:
    """The check of all images of one file.

    Parameters
    ----------
    kind : {"predictions", "annotations"}
        The kind that the file should have.
    problems : Problems
        The problems of the file, to which the check adds.

    Attributes
    ----------
    line : int or None
        The line of the image that is checked, for JSON lines.

    Examples
    --------
    >>> from crowdeval.formats.json_text import parse
    >>> problems = Problems("p.json")
    >>> walk = ImageWalk("predictions", problems)
    >>> walk.check_image(parse('{"id": "IMG_1", "points": [[1, null]]}'), "images[0]")
    >>> print(problems.error())
    p.json: images[0].points[0][1], image 'IMG_1': expected a number, found null
    """

    def __init__(self, kind: Kind, problems: Problems) -> None:
        self.kind = kind
        self.problems = problems
        self.line: int | None = None
        self._image: str | None = None
        self._places: dict[str, str] = {}
        # Images with points that have a column, and those that lack it: {"scores": ["IMG_1"]}, {"scores": ["IMG_2"]}
        self._with: dict[str, list[str]] = {}
        self._without: dict[str, list[str]] = {}

    def check_format(self, value: Any) -> None:
        """Check the value of the key ``"format"``.

        Parameters
        ----------
        value : object
            The value.

        Raises
        ------
        FormatError
            If the file is of the other kind: then its other problems are of no interest.
        """
        mark, other = format_mark(self.kind), _OTHER[self.kind]
        if value == mark:
            return
        if value == format_mark(other):
            needed = (
                f"this file holds {other}, but {self.kind} are needed here; swap the two files: predictions come first"
            )
            problem = Problem(expected=repr(mark), found=shown(value), line=self.line, key="format", hint=needed)
            raise FormatError(self.problems.file, [problem])
        newer = isinstance(value, str) and value.startswith("crowdeval/")
        hint = "was it written by a newer crowdeval, or is it misspelt?" if newer else None
        self._add(repr(mark), shown(value), "format", hint)

    def check_image(self, value: Any, key: str, *, line: int | None = None) -> None:
        """Check one image object.

        Parameters
        ----------
        value : object
            The value that should be an image object.
        key : str
            Its key path in the file.
        line : int, optional
            Its line, for JSON lines.
        """
        self.line, self._image = line, None
        if not isinstance(value, Object):
            self._add('an image object {"id": ..., "points": ...}', shown(value), key)
            return
        name = value.get("id")
        if isinstance(name, str):
            self._image = name
        self.check_repeated_keys(value, key)
        self._id(value, key)
        self._unknown_keys(value, key)
        points = self._points(value, key)
        for column, names in _ROW_NAMES.items():
            if column in value:
                self._list(value[column], child_key(key, column), self._row(names), points)
        if "scores" in value:
            self._list(value["scores"], child_key(key, "scores"), self._number, points)
        if "labels" in value:
            self._list(value["labels"], child_key(key, "labels"), self._text, points)
        if "levels" in value:
            self._list(value["levels"], child_key(key, "levels"), self._level, points)
        self._numbers_of_image(value, key)
        if "attributes" in value:
            self._attributes(value["attributes"], child_key(key, "attributes"), self._attribute)
        if "point_attributes" in value:
            self._attributes(
                value["point_attributes"],
                child_key(key, "point_attributes"),
                lambda values, place: self._list(values, place, self._attribute, points),
            )
        for column in ("scores", "boxes", "radii", "levels") if points else ():
            side = self._with if column in value else self._without
            side.setdefault(column, []).append(str(name))

    def check_short_form(self, images: Object, key: str) -> None:
        """Check the short form, an object with the rows of numbers of every image id.

        Parameters
        ----------
        images : Object
            The object.
        key : str
            Its key path in the file.
        """
        self.check_repeated_keys(images, key)
        undecided = self.kind == "predictions"  # the first row decides whether all rows must have a score
        check = self._row(_POINT, "[x, y] or [x, y, score]" if undecided else None)
        for name, value in images.items():
            self._image, place = name, child_key(key, name)
            self._id({"id": name}, place)
            if not isinstance(value, list):
                self._add("a list of points", shown(value), place, _document_hint(name, value))
                continue
            for i, row in enumerate(value):
                if undecided and isinstance(row, list) and len(row) in (2, 3):
                    undecided = False
                    check = self._row(_POINT if len(row) == 2 else _SCORED_POINT)
                check(row, f"{place}[{i}]")

    def check_agreement(self, key: str) -> None:
        """Check that all images have the same columns, after the check of every image.

        Parameters
        ----------
        key : str
            The key path of the list of images.
        """
        self.line = self._image = None
        for column in sorted(self._with.keys() & self._without.keys()):
            if column == _COUNT_ONLY:
                expected = "points for every image, or only a count for every image"
                self._add(expected, f"only a count for {listed(self._with[column])}", key)
            else:
                expected = f"{column} for every image with points, or for none"
                self._add(expected, f"none for {listed(self._without[column])}", key)

    def check_repeated_keys(self, value: Object, key: str) -> None:
        """Check that no key of an object stands twice.

        Parameters
        ----------
        value : Object
            The object.
        key : str
            Its key path in the file.
        """
        for name, at in value.repeated.items():
            places = " and ".join(str(i + 1) for i in at[:3])
            self._add("every key once", f"{name!r} as entries {places} of the object", child_key(key, name))

    def _add(self, expected: str, found: str, key: str | None, hint: str | None = None) -> None:
        self.problems.add(expected, found, line=self.line, key=key or None, image=self._image, hint=hint)

    def _id(self, value: dict[str, Any], key: str) -> None:
        place = child_key(key, "id") if isinstance(value, Object) else key
        if "id" not in value:
            self._add('a key "id" with the image\'s name', shown(value), key)
            return
        name = value["id"]
        if not isinstance(name, str):
            hint = "write it as a string" if isinstance(name, int | float) else None
            self._add("an image id", shown(name), place, hint)
        elif not name:
            self._add("an image id", "an empty string", place)
        elif not is_encodable(name):
            self._add("an image id", f"half of a surrogate pair in {name!a}", place)
        elif name in self._places:
            self._add("every image once", f"{name!r}, which is also at {self._places[name]}", place)
        else:
            self._places[name] = key if self.line is None else f"line {self.line}"

    def _unknown_keys(self, value: Object, key: str) -> None:
        known, other = _KEYS[self.kind], _KEYS[_OTHER[self.kind]]
        for name in value:
            if name in known:
                continue
            if name in other:
                hint = f"that belongs to {_OTHER[self.kind]}"
            else:
                hint = did_you_mean(name, known).removeprefix("; ") or f"known keys: {listed(known, most=9)}"
            self._add(f"an image object of {self.kind}", f"the key {shown(name)}", child_key(key, name), hint)

    def _points(self, value: Object, key: str) -> int | None:
        """Check the points and return their number, or None where it is unknown."""
        if "points" in value:
            self._without.setdefault(_COUNT_ONLY, []).append(str(self._image))
            return self._list(value["points"], child_key(key, "points"), self._row(_POINT), None)
        if "count" in value:
            self._with.setdefault(_COUNT_ONLY, []).append(str(self._image))
            return 0
        self._add('a key "points" or "count"', shown(value), key, "an image without people has an empty list")
        return None

    def _list(self, value: Any, key: str, check: Callable[[Any, str], object], length: int | None) -> int | None:
        """Check a list, its length and its entries; return its length, or None where it is no list."""
        if not isinstance(value, list):
            self._add("a list", shown(value), key)
            return None
        if length is not None and len(value) != length:
            self._add(f"{counted(length, 'entry', 'entries')}, one for each point", f"{len(value)}", key)
        for i, entry in enumerate(value):
            check(entry, f"{key}[{i}]")
        return len(value)

    def _row(self, names: tuple[str, ...], expected: str | None = None) -> Callable[[Any, str], None]:
        """Return the check of one row of numbers, with coordinates within ``LARGEST``."""
        text = expected or f"[{', '.join(names)}]"

        def check(row: Any, key: str) -> None:
            if not isinstance(row, list):
                self._add(text, shown(row), key)
            elif len(row) != len(names):
                self._add(text, f"{counted(len(row), 'number')}, {shown(row)}", key, self._length_hint(names, row))
            else:
                bounds = [LARGEST if name in _POINT else None for name in names]
                for i, value in enumerate(row):
                    self._number(value, f"{key}[{i}]", bounds[i])

        return check

    def _length_hint(self, names: tuple[str, ...], row: list[Any]) -> str | None:
        if names == _POINT and len(row) == 3:
            if self.kind == "annotations":
                return "a third number is a score: are these predictions?"
            return 'is it a score? short forms have it on every row or on none, image objects have the key "scores"'
        mixed = names == _SCORED_POINT and len(row) == 2
        return "short forms need a score on every row or on none" if mixed else None

    def _number(self, value: Any, key: str, largest: float | None = None) -> bool:
        """Check a finite number within ``largest``; return whether it passed."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._add("a number", shown(value), key, _number_hint(value))
        elif not math.isfinite(value):
            self._add("a finite number", "NaN" if math.isnan(value) else "an infinite or far too large one", key)
        elif isinstance(value, int) and abs(value) > 2**1023:
            self._add("a finite number", "a far too large one", key)
        elif largest is not None and abs(value) > largest:
            self._add(f"a coordinate within {largest:.0e} pixels", shown(value), key)
        else:
            return True
        return False

    def _text(self, value: Any, key: str) -> None:
        if not isinstance(value, str):
            self._add("a class as text", shown(value), key, _text_hint(value))
        elif not is_encodable(value):
            self._add("text", f"half of a surrogate pair in {value!a}", key)

    def _level(self, value: Any, key: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_LEVEL:
            self._add(f"a whole number from 0 to {LARGEST_LEVEL}", shown(value), key)

    def _numbers_of_image(self, value: Object, key: str) -> None:
        if "count" in value and self._number(value["count"], child_key(key, "count")):
            count = value["count"]
            if not 0 <= count <= LARGEST_COUNT:
                self._add(f"a count from 0 to {LARGEST_COUNT:.0e}", shown(count), child_key(key, "count"))
            elif self.kind == "annotations" and count % 1:
                self._add("a whole number of people", shown(count), child_key(key, "count"))
            elif self.kind == "annotations" and _differs(value.get("points"), count):
                self._add("the number of points as the count", shown(count), child_key(key, "count"))
        for side in ("width", "height"):
            if side in value and self._number(value[side], child_key(key, side)) and value[side] <= 0:
                self._add("a positive number", shown(value[side]), child_key(key, side))
        if ("width" in value) != ("height" in value):
            self._add("both width and height, or neither", f"only the {'width' if 'width' in value else 'height'}", key)

    def _attributes(self, value: Any, key: str, check: Callable[[Any, str], object]) -> None:
        if not isinstance(value, Object):
            self._add("an object", shown(value), key)
            return
        self.check_repeated_keys(value, key)
        for name, content in value.items():
            if not is_encodable(name):
                self._add("text", f"half of a surrogate pair in {name!a}", key)
            check(content, child_key(key, name))

    def _attribute(self, value: Any, key: str) -> None:
        if isinstance(value, list | dict):
            self._add("a string, a number, true, false or null", shown(value), key)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._number(value, key)
        elif isinstance(value, str) and not is_encodable(value):
            self._add("text", f"half of a surrogate pair in {value!a}", key)


def _differs(points: Any, count: float) -> bool:
    """Return whether there is a list of points of another number than the count."""
    return isinstance(points, list) and len(points) != count


def _number_hint(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if "," in value:
        return "decimals are written with a point"
    try:
        float(value)
    except ValueError:
        return None
    return "write it without quotes"


def _text_hint(value: Any) -> str | None:
    return "write it in quotes" if isinstance(value, int | float) else None


def _document_hint(name: str, value: Any) -> str | None:
    """Return a hint where a key of the short form looks like a key of a document."""
    if isinstance(value, str | int | float) or value is None:
        near = did_you_mean(name, ("format", "images", "points")).removeprefix("; ")
        return near or "a file holds no metadata: remove this key"
    return None
