"""Other spellings of native JSON: objects or counts by image id, and image objects whose id is called image or file.

    {"IMG_1": {"points": [[x, y], ...], "scores": [...]}, ...}
    {"IMG_1": 12.5, ...}
    [{"image": "IMG_1", "points": [[x, y], ...], "scores": [...]}, ...]

The keys that FSC-147 and SAFECount write beside the points are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET

from crowdeval.errors import InputError
from crowdeval.formats.image_objects import count_quotes
from crowdeval.formats.json_text import Object, child_key

NAMES = ("image", "file_name", "filename", "image_name", "image_id", "img_id", "img", "file", "name")
"""Keys that stand for ``"id"``."""

_EXTRAS = frozenset(
    ("H", "W", "box_examples_coordinates", "box_examples_path", "density_path", "density_path_fixed", "img_path",
     "ratio_h", "ratio_w", "r", "split", "class", "density")
)  # fmt: skip
"""Keys of FSC-147 and SAFECount that are left out."""

_FIRST_KEY = re.compile(rb'\s*\[?\s*\{\s*"([^"\\]*)"\s*:\s*(.)', re.DOTALL)


def decode_spelling(data: bytes, image: type[Any]) -> list[Any] | None:
    """Return the image objects of a file in another spelling, decoded the fast way.

    Parameters
    ----------
    data : bytes
        The content of the file.
    image : type
        The image object: PredictedImage or AnnotatedImage.

    Returns
    -------
    list or None
        None where the file is in none of these spellings.

    Raises
    ------
    MsgspecError, InputError
        If anything in it is unusual.

    Examples
    --------
    >>> from crowdeval.formats.image_objects import PredictedImage
    >>> [image.id for image in decode_spelling(b'{"IMG_1": {"points": [[1, 2]]}}', PredictedImage)]
    ['IMG_1']
    """
    first = _FIRST_KEY.match(data)
    if first is None:
        return None
    value: Any
    if data.lstrip().startswith(b"["):
        names = [name for name in NAMES if f'"{name}"'.encode() in data[: 1 << 16]]
        if not names or b'"id"' in data[: 1 << 12]:
            return None
        value = msgspec.json.decode(data, type=list[_variant(image, names[0])])  # type: ignore[misc, arg-type]
        found = [image(*(getattr(each, name) for name in image.__struct_fields__)) for each in value]
    elif first[2] == b"{":
        value = msgspec.json.decode(data, type=dict[str, _variant(image, None)])  # type: ignore[misc, arg-type]
        fields = [name for name in image.__struct_fields__ if name != "id"]
        found = [image(key, *(getattr(each, name) for name in fields)) for key, each in value.items()]
    elif first[2] in b"0123456789":
        value = msgspec.json.decode(data, type=dict[str, float])
        found = [image(key, count=count) for key, count in value.items()]
    else:
        return None
    if count_quotes(value) != data.count(b'"'):
        raise InputError("repeated keys")
    return found


def respelt(value: Any) -> list[tuple[str, Any]] | None:
    """Return the image objects of a parsed file in another spelling, each with its key path.

    Parameters
    ----------
    value : object
        The parsed file.

    Returns
    -------
    list of (str, object) or None
        None where the file is in none of these spellings. What is no image object is returned as it stands.

    Examples
    --------
    >>> from crowdeval.formats.json_text import parse
    >>> respelt(parse('{"IMG_1": {"points": []}}'))
    [('IMG_1', {'id': 'IMG_1', 'points': []})]
    """
    if isinstance(value, list):
        first = value[0] if value else None
        if not isinstance(first, Object) or "id" in first:
            return None
        name = next((name for name in NAMES if name in first), None)
        if name is None:
            return None
        return [(f"[{i}]", _renamed(each, name)) for i, each in enumerate(value)]
    if not isinstance(value, Object) or not value:
        return None
    first = next(iter(value.values()))
    if isinstance(first, Object):
        return [(child_key("", name), _with_id(name, each)) for name, each in value.items()]
    if isinstance(first, int | float) and not isinstance(first, bool):
        return [(child_key("", name), Object([("id", name), ("count", each)])) for name, each in value.items()]
    return None


def respelt_line(value: Any) -> Any:
    """Return an image object of JSON lines under the key ``"id"``.

    Parameters
    ----------
    value : object
        The parsed line.

    Returns
    -------
    object

    Examples
    --------
    >>> from crowdeval.formats.json_text import parse
    >>> respelt_line(parse('{"filename": "a.jpg", "points": []}'))
    {'id': 'a.jpg', 'points': []}
    """
    if not isinstance(value, Object) or "id" in value:
        return value
    name = next((name for name in NAMES if name in value), None)
    return value if name is None else _renamed(value, name)


@cache
def _variant(image: type[Any], name: str | None) -> type[Any]:
    """Return an image object whose id has another key, or that has no id."""
    info = {field.name: field for field in msgspec.structs.fields(image)}
    fields: list[Any] = [] if name is None else [("id", str)]
    fields += [(each.name, each.type, UNSET) for each in info.values() if each.name != "id"]
    return msgspec.defstruct(
        f"{image.__name__}Variant", fields, rename={"id": name} if name else None, forbid_unknown_fields=True
    )


def _renamed(value: Any, name: str) -> Any:
    """Return an object with the key ``"id"`` for another key, without the keys that are left out."""
    if not isinstance(value, Object):
        return value
    return _kept(value, [("id" if key == name else key, each) for key, each in value.items()])


def _with_id(name: str, value: Any) -> Any:
    return _kept(value, [("id", name), *value.items()]) if isinstance(value, Object) else value


def _kept(value: Object, pairs: Sequence[tuple[str, Any]]) -> Object:
    """Return an object without the keys of other tools, and with the repeated keys of the original."""
    if "points" in value and _EXTRAS & value.keys():
        width, height = value.get("W"), value.get("H")
        sized = isinstance(width, int | float) and isinstance(height, int | float)
        pairs = [pair for pair in pairs if pair[0] not in _EXTRAS]
        pairs = [*pairs, ("width", width), ("height", height)] if sized else pairs
    kept = Object(list(pairs))
    kept.repeated |= value.repeated
    return kept
