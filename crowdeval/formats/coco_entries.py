"""The entries of a COCO file, decoded: a dataset of images and annotations, or a list of results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from crowdeval.errors import Problems, shown
from crowdeval.formats.json_text import Object, encodable, parse_source
from crowdeval.formats.source import Source

Row = list[float] | None


class CocoImage(msgspec.Struct, gc=False):
    """An entry of ``images``."""

    id: int | str
    width: float | None = None
    height: float | None = None
    file_name: str | None = None


class CocoObject(msgspec.Struct, gc=False):
    """An entry of ``annotations``, or of a list of results."""

    image_id: int | str
    bbox: Row = None
    keypoints: Row = None
    score: float | None = None
    iscrowd: int | bool = 0
    category_id: int | str | None = None


class CocoDataset(msgspec.Struct):
    """A file of annotations."""

    images: list[CocoImage]
    annotations: list[CocoObject]
    categories: msgspec.Raw = msgspec.Raw(b"")


def coco_entries(source: Source) -> CocoDataset | list[CocoObject]:
    """Decode the fast way; where that fails or a key may be repeated, the careful way."""
    data = source.utf8()
    form: Any = list[CocoObject] if data.lstrip().startswith(b"[") else CocoDataset
    try:
        value: CocoDataset | list[CocoObject] = msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _walked(source)
    return _walked(source) if _may_repeat_keys(data, value) else value


def _may_repeat_keys(data: bytes, value: CocoDataset | list[CocoObject]) -> bool:
    """Return whether keys stand in the text more often than in what was decoded."""
    objects = value if isinstance(value, list) else value.annotations
    other = b"" if isinstance(value, list) else bytes(value.categories)
    given = dict.fromkeys(("images", "annotations"), 0 if isinstance(value, list) else 1)
    for name in ("image_id", "bbox", "keypoints", "score"):
        given[name] = sum(getattr(entry, name) is not None for entry in objects)
    keys = {name: f'"{name}"'.encode() for name in given}
    return any(data.count(keys[name]) - other.count(keys[name]) != number for name, number in given.items())


def _walked(source: Source) -> CocoDataset | list[CocoObject]:
    """Return the decoded file; raise FormatError with every entry that is not what it should be."""
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
    entries = []
    for i, value in enumerate(values):
        key = f"{place}[{i}]"
        for name in getattr(value, "repeated", {}):
            problems.add("every key once", f"{name!r} twice", key=f"{key}.{name}")
        try:
            if not all(encodable(text) for text in _values(value) if isinstance(text, str)):
                raise UnicodeError
            entries.append(msgspec.convert(value, form))
        except UnicodeError:  # msgspec's own, in numbers and keys
            problems.add("text", "half of a surrogate pair", key=key)
        except (msgspec.ValidationError, OverflowError) as problem:
            message, _, path = str(problem).partition(" - at `$")
            expected = message.removeprefix("Expected ").partition(", got ")[0].replace("`", "")
            found = message.partition(", got ")[2].replace("`", "") or message
            problems.add(expected, found, key=f"{key}{path.rstrip('`')}")
    return entries


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Object) else (value,)
