"""Values of a parsed JSON file of another tool, checked while it is read: objects, lists, texts, numbers, points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crowdeval.errors import shown
from crowdeval.formats.json_text import Object, is_encodable
from crowdeval.formats.reading import Box, FileImage, Reading
from crowdeval.points.ragged import LARGEST


def object_at(reading: Reading, value: Any, key: str, expected: str = "an object") -> Object | None:
    """Return a value that is an object; add a problem where it is none, or repeats a key.

    Parameters
    ----------
    reading : Reading
        The reading, which gets the problems.
    value : object
        The value.
    key : str
        Its place in the file.
    expected : str
        Words for the object.

    Returns
    -------
    Object or None

    Examples
    --------
    >>> from crowdeval.formats.json_text import parse
    >>> from crowdeval.formats.source import Source
    >>> reading = Reading(Source("a.json", b""), "annotations")
    >>> object_at(reading, parse('{"x": 1}'), "shapes[0]"), object_at(reading, [1], "shapes[1]")
    ({'x': 1}, None)
    >>> print(reading.problems.error())
    a.json: shapes[1]: expected an object, found [1]
    """
    if not isinstance(value, Object):
        reading.problem(expected, found_text(value), key=key)
        return None
    for name, places in value.repeated.items():
        reading.problem("every key once", f"{shown(name)} {len(places)} times", key=key)
    return value


def objects_at(reading: Reading, value: Any, key: str) -> Iterator[tuple[str, Object]]:
    """Yield the objects of a list with their places; add a problem for the list or an entry that is something else.

    Parameters
    ----------
    reading, value, key
        The same as for ``object_at``; the key is that of the list.

    Yields
    ------
    (str, Object)

    Examples
    --------
    >>> from crowdeval.formats.json_text import parse
    >>> from crowdeval.formats.source import Source
    >>> reading = Reading(Source("a.json", b""), "annotations")
    >>> list(objects_at(reading, parse('[{"x": 1}]'), "shapes"))
    [('shapes[0]', {'x': 1})]
    """
    if not isinstance(value, list):
        reading.problem("a list", found_text(value), key=key)
        return
    for i, each in enumerate(value):
        found = object_at(reading, each, f"{key}[{i}]")
        if found is not None:
            yield f"{key}[{i}]", found


def text_at(reading: Reading, value: Any, key: str, expected: str = "the name of a class") -> str:
    """Return a text, or the text of a whole number; an empty one for None, and with a problem for anything else.

    Parameters
    ----------
    reading, value, key, expected
        The same as for ``object_at``.

    Returns
    -------
    str

    Examples
    --------
    >>> from crowdeval.formats.source import Source
    >>> reading = Reading(Source("a.json", b""), "annotations")
    >>> text_at(reading, "zebra", "label"), text_at(reading, 7, "label"), text_at(reading, None, "label")
    ('zebra', '7', '')
    """
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and is_encodable(value):
        return value
    reading.problem(expected, "half of a surrogate pair" if isinstance(value, str) else shown(value), key=key)
    return ""


def numbers_at(
    reading: Reading, value: Any, key: str, expected: str, *, image: str | None = None
) -> tuple[float, ...] | None:
    """Return the numbers of a list, 4 of a box or 2 of a size; add a problem for anything else.

    Parameters
    ----------
    reading, value, key
        The same as for ``object_at``.
    expected : str
        Words for the numbers with their names in brackets, ``"a box [x, y, width, height]"``, which say how many.
    image : str, optional
        The id of the image, for the message.

    Returns
    -------
    tuple of float, or None

    Examples
    --------
    >>> from crowdeval.formats.source import Source
    >>> reading = Reading(Source("a.json", b""), "annotations")
    >>> numbers_at(reading, [10, 20, 4, 4.5], "bbox", "a box [x, y, width, height]")
    (10.0, 20.0, 4.0, 4.5)
    >>> numbers_at(reading, [10, 20, 4, None], "bbox", "a box [x, y, width, height]")
    >>> print(reading.problems.error())
    a.json: bbox: expected a box [x, y, width, height], found [10, 20, 4, None]
    """
    if isinstance(value, list) and len(value) == expected.count(",") + 1 and all(map(_is_number, value)):
        return tuple(map(float, value))
    reading.problem(expected, found_text(value), key=key, image=image)
    return None


def point_at(
    reading: Reading,
    image: FileImage,
    value: Any,
    key: str,
    *,
    score: Any = None,
    label: str = "",
    box: Box | None = None,
) -> None:
    """Add the point of a list ``[x, y]`` to an image; a problem where the value is none.

    Parameters
    ----------
    reading, value, key
        The same as for ``object_at``.
    image : FileImage
        The image.
    score, label, box
        The same as for ``Reading.point``.

    Examples
    --------
    >>> from crowdeval.formats.source import Source
    >>> reading = Reading(Source("a.json", b""), "annotations")
    >>> point_at(reading, reading.image("IMG_1"), [10, 20], "points[0]")
    >>> reading.annotations().xy.tolist()
    [[10.0, 20.0]]
    """
    if isinstance(value, list) and len(value) == 2:
        reading.point(image, *value, score=score, label=label, key=key, box=box)
    else:
        reading.problem("a point [x, y]", found_text(value), key=key, image=image.name)


def file_name(path: str) -> str:
    r"""Return the last part of a path, of which Windows separates the parts by backslashes.

    Parameters
    ----------
    path : str
        The path.

    Returns
    -------
    str

    Examples
    --------
    >>> file_name("..\\images\\IMG_1.jpg"), file_name("a/IMG_2.jpg")
    ('IMG_1.jpg', 'IMG_2.jpg')
    """
    return path.replace("\\", "/").rpartition("/")[2]


def _is_number(value: Any) -> bool:
    """Return whether a value is a number that a coordinate can be; NaN is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def found_text(value: Any) -> str:
    """Return a value as text for a message, in which a missing one is nothing.

    Parameters
    ----------
    value : object
        The value; None where there is none.

    Returns
    -------
    str

    Examples
    --------
    >>> found_text(None), found_text([1, 2])
    ('nothing', '[1, 2]')
    """
    return "nothing" if value is None else shown(value)
