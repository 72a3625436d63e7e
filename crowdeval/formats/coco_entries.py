"""Decode a COCO file: a dataset of images and annotations, or a list of results.

msgspec decodes a file fast. Where it fails, or where keys may be repeated, the file is decoded again entry by entry,
which finds every problem and its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from crowdeval.errors import Problems, shown
from crowdeval.formats.json_text import Object, is_encodable, parse_source
from crowdeval.formats.source import Source

Numbers = list[float] | None


class CocoImage(msgspec.Struct, gc=False):
    """An entry of ``images``; sides are in pixels."""

    id: int | str
    width: float | None = None
    height: float | None = None
    file_name: str | None = None


class CocoObject(msgspec.Struct, gc=False):
    """An entry of ``annotations`` or of a list of results; ``bbox`` is x, y, width, height in pixels."""

    image_id: int | str
    bbox: Numbers = None
    keypoints: Numbers = None
    score: float | None = None
    iscrowd: int | bool = 0
    category_id: int | str | None = None


class CocoDataset(msgspec.Struct):
    """A COCO dataset: images and their annotations."""

    images: list[CocoImage]
    annotations: list[CocoObject]
    categories: msgspec.Raw = msgspec.Raw(b"")


def coco_entries(source: Source) -> CocoDataset | list[CocoObject]:
    """Return the decoded entries of a COCO file.

    Parameters
    ----------
    source : Source
        The file.

    Returns
    -------
    CocoDataset or list of CocoObject
        A list for a file of results.

    Raises
    ------
    FormatError
        If the file is not JSON or an entry has a wrong type; the error has every problem.

    Examples
    --------
    >>> coco_entries(Source("r.json", b'[{"image_id": 7, "bbox": [1, 2, 3, 4]}]'))[0].bbox
    [1.0, 2.0, 3.0, 4.0]
    """
    data = source.utf8()
    form: Any = list[CocoObject] if data.lstrip().startswith(b"[") else CocoDataset
    try:
        value: CocoDataset | list[CocoObject] = msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_carefully(source)
    return _decode_carefully(source) if _may_repeat_keys(data, value) else value


def _may_repeat_keys(data: bytes, value: CocoDataset | list[CocoObject]) -> bool:
    """Return whether the text has one of the read keys more often than the decoded entries have it."""
    # Two results with a score each, and '"score"' three times in the text: an entry has it twice (or a text names it,
    # which the careful way finds out). Categories are not decoded, so their keys are subtracted.
    objects = value if isinstance(value, list) else value.annotations
    other = b"" if isinstance(value, list) else bytes(value.categories)
    given = dict.fromkeys(("images", "annotations"), 0 if isinstance(value, list) else 1)
    for name in ("image_id", "bbox", "keypoints", "score"):
        given[name] = sum(getattr(entry, name) is not None for entry in objects)
    keys = {name: f'"{name}"'.encode() for name in given}
    return any(data.count(keys[name]) - other.count(keys[name]) != number for name, number in given.items())


def _decode_carefully(source: Source) -> CocoDataset | list[CocoObject]:
    """Return the decoded file; raise FormatError with the problems of all entries."""
    value = parse_source(source)
    problems = Problems(source.name)
    decoded: CocoDataset | list[CocoObject]
    if isinstance(value, list):
        decoded = _entries(value, CocoObject, "", problems)
    elif isinstance(value, Object):
        lists = {}
        for name in ("images", "annotations"):
            lists[name] = value.get(name)
            if name in value.repeated:
                problems.add("every key once", f"{name!r} twice", key=name)
            elif not isinstance(lists[name], list):
                problems.add("a list", shown(lists[name]) if name in value else "no such key", key=name)
        problems.raise_if_any()
        decoded = CocoDataset(
            images=_entries(lists["images"], CocoImage, "images", problems),
            annotations=_entries(lists["annotations"], CocoObject, "annotations", problems),
        )
    else:
        problems.add("a COCO dataset or a list of results", shown(value))
    problems.raise_if_any()
    return decoded


def _entries(values: Any, form: type[Any], place: str, problems: Problems) -> list[Any]:
    """Return the entries of a list that can be converted; add the problems of the others."""
    entries = []
    for i, value in enumerate(values):
        key = f"{place}[{i}]"
        for name in getattr(value, "repeated", {}):
            problems.add("every key once", f"{name!r} twice", key=f"{key}.{name}")
        try:
            if not all(is_encodable(text) for text in _values(value) if isinstance(text, str)):
                raise UnicodeError
            entries.append(msgspec.convert(value, form))
        except UnicodeError:  # msgspec raises it too, for lists of numbers and for keys
            problems.add("text", "half of a surrogate pair", key=key)
        except (msgspec.ValidationError, OverflowError) as problem:
            message, _, path = str(problem).partition(" - at `$")
            # "Expected `float`, got `str` - at `$.bbox[3]`" -> expected "float", found "str", path ".bbox[3]`"
            expected = message.removeprefix("Expected ").partition(", got ")[0].replace("`", "")
            found = message.partition(", got ")[2].replace("`", "") or message
            problems.add(expected, found, key=f"{key}{path.rstrip('`')}")
    return entries


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Object) else (value,)
