"""The format of a JSON file, told by its outermost keys: those of the object, or of the first object of a list.

One table has the formats in order, and the files of other tools that no reader takes. The key ``format`` wins; native
JSON, whose short forms have any keys, comes last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from crowdeval.formats.source import Source

_LINE = re.compile(rb"[^\n]*\S[^\n]*")
_SHORT_FORM = re.compile(rb'\s*\{\s*"(?!points"|boxes")[^"\\]*"\s*:\s*\[\s*\[\s*-?[0-9]')
_DOCUMENT = re.compile(
    rb'\s*\{\s*"images"\s*:\s*\[\s*\{\s*"id"\s*:\s*"[^"\\]*"\s*,(\s*"[a-z_]+"\s*:\s*[-+.eE0-9]+\s*,)*\s*"points"'
)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+')
_START = 1 << 16
"""Number of bytes at the beginning of a list in which the keys of its first object are searched."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a look at the outside of a JSON file shows.

    Parameters
    ----------
    shape : {"object", "list", "lines"}
        An object, a list of objects, or one object in every line.
    values : mapping of str to bytes
        The outermost keys, or those of the first object, with the first bytes of their values.

    Examples
    --------
    >>> outline_of(Source("a.json", b'[{"image_id": 7, "bbox": [1, 2, 3, 4]}]')).has("image_id", "bbox")
    True
    """

    shape: str
    values: Mapping[str, bytes] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Return whether all of these keys are there."""
        return all(name in self.values for name in names)

    def begins(self, name: str, *starts: bytes) -> bool:
        """Return whether the value of a key begins with one of these texts, blanks left out."""
        return name in self.values and self.values[name].startswith(starts)

    def objects(self, name: str) -> bool:
        """Return whether the value of a key is a list of objects, perhaps an empty one."""
        return self.begins(name, b"[{", b"[]")


def outline_of(source: Source) -> Outline | None:
    """Return the outline of a file, or None where it does not begin like JSON.

    Parameters
    ----------
    source : Source
        The file.

    Returns
    -------
    Outline or None

    Examples
    --------
    >>> outline_of(Source("a.json", b'{"a": [[1, 2]]}')).values
    {'a': b'[[1,2]]'}
    >>> outline_of(Source("a.txt", b"1 2"))
    """
    data = source.data.removeprefix(b"\xef\xbb\xbf")
    first = _LINE.search(data)
    if first is None or first.group().lstrip()[:1] not in (b"{", b"["):
        return None
    if first.group().lstrip().startswith(b"["):
        return Outline("list", _keys_of_first_object(data))
    if first.group().rstrip().endswith(b"}"):
        second = _LINE.search(data, first.end())
        if second is not None and second.group().lstrip().startswith(b"{"):
            return Outline("lines", _keys(first.group()))
        if second is None and source.suffix in _LINES:
            return Outline("lines", _keys(first.group()))
    return Outline("object", _keys(data))


@dataclass(frozen=True, slots=True)
class Told:
    """What the outline of a JSON file says.

    Parameters
    ----------
    formats : tuple of str
        The formats that take the file for their own: one; none where the file is no JSON.
    foreign : str or None
        Words for a file of another tool that no reader takes, with what to do instead.
    """

    formats: tuple[str, ...] = ()
    foreign: str | None = None


def told_by(source: Source) -> Told:
    """Return what the outline of a JSON file says about its format.

    Parameters
    ----------
    source : Source
        The file.

    Returns
    -------
    Told

    Examples
    --------
    >>> told_by(Source("a.json", b'{"images": [], "annotations": []}')).formats
    ('coco',)
    >>> told_by(Source("a.json", b'{"dm_format_version": "1.0", "items": []}')).foreign
    "a Datumaro file; export it as COCO, or as 'CVAT for images'"
    """
    if _SHORT_FORM.match(source.data) or _DOCUMENT.match(source.data):
        return Told(("json",))  # without a look at the rest of a large file
    outline = outline_of(source)
    if outline is None:
        return Told()
    if not outline.begins("format", b'"crowdeval/'):
        foreign = next((words for words, test in FOREIGN.items() if test(outline)), None)
        named = tuple(name for name, test in KINDS.items() if test(outline))
        if named or foreign:
            return Told(named, foreign)
    return Told(("jsonl" if _is_lines(outline) else "json",))


def is_kind(name: str) -> Callable[[Source], bool]:
    """Return the function that tells whether a file is of a format of the table.

    Parameters
    ----------
    name : str
        The format.

    Returns
    -------
    callable
        Function of a Source.

    Examples
    --------
    >>> is_kind("coco")(Source("a.json", b'[{"image_id": 1, "bbox": [1, 2, 3, 4]}]'))
    True
    """
    test = KINDS[name]

    def looks_right(source: Source) -> bool:
        outline = outline_of(source)
        return outline is not None and not outline.begins("format", b'"crowdeval/') and test(outline)

    return looks_right


_LINES = (".jsonl", ".ndjson", ".odgt")

_ARRAYS = (b"[[", b"[]")
"""How the value of points begins."""


def _is_lines(outline: Outline) -> bool:
    """Return whether a file is native JSON lines; one object alone is one line if it begins like an image object."""
    single = outline.shape == "object" and next(iter(outline.values), "") == "id" and outline.begins("id", b'"')
    return outline.shape == "lines" or single


def _single(outline: Outline) -> bool:
    return outline.shape == "object"


def _listed(outline: Outline) -> bool:
    return outline.shape == "list"


_SIDES = ("annotations", "predictions")
_WORDS_OF_A_TASK = (b'"result":[', b'"completed_by":', b'"model_version":')
"""Keys of Label Studio; the key "data" may come after a megabyte of results."""

KINDS: dict[str, Callable[[Outline], bool]] = {
    "labelme": lambda o: _single(o) and o.objects("shapes") and (o.has("imagePath") or o.has("imageHeight")),
    "geojson": lambda o: (
        (_single(o) and o.begins("type", b'"FeatureCollection"', b'"Feature"'))
        or (_listed(o) and o.begins("type", b'"Feature"') and o.has("geometry"))
    ),
    "dotdotgoose": lambda o: _single(o) and o.begins("points", b"{") and o.begins("classes", b"["),
    "megadetector": lambda o: (
        (_single(o) and o.objects("images") and o.begins("detection_categories", b"{"))
        or (_listed(o) and o.has("file", "detections"))
    ),
    "label-studio": lambda o: (
        _listed(o)
        and (
            (o.begins("data", b"{") and (o.objects("annotations") or o.objects("predictions")))
            or any(word in o.values.get(side, b"") for side in _SIDES for word in _WORDS_OF_A_TASK)
            or o.has("annotation_id", "annotator")
            or any(value.startswith(b'[{"x":') or b'"original_width"' in value for value in o.values.values())
        )
    ),
    "crowdhuman": lambda o: o.has("ID") and (o.objects("gtboxes") or o.objects("dtboxes")),
    "coco": lambda o: (
        (_single(o) and o.has("images") and o.objects("annotations"))
        or (_listed(o) and o.has("image_id") and (o.has("bbox") or o.has("keypoints") or o.has("category_id")))
    ),
    "nwpu-json": lambda o: _single(o) and o.has("img_id") and o.begins("points", *_ARRAYS),
}
"""Format to the function that tells it by the outline of a file; the first that says yes is the format."""

FOREIGN: dict[str, Callable[[Outline], bool]] = {
    "a Datumaro file; export it as COCO, or as 'CVAT for images'": lambda o: o.has("dm_format_version"),
    "a Supervisely file; export it as COCO": lambda o: (
        _single(o) and o.begins("size", b"{") and o.begins("objects", b"[")
    ),
    "a VGG Image Annotator project; export its annotations as COCO": lambda o: (
        o.has("_via_img_metadata")
        or o.has("_via_settings")
        or any(b'"regions"' in value and b'"filename"' in value for value in [*o.values.values()][:1])
    ),
    "a Labelbox export; convert it to COCO": lambda o: o.begins("data_row", b"{") or o.has("DataRow ID"),
    "a V7 Darwin file; export it as COCO": lambda o: _single(o) and o.begins("item", b"{") and o.has("annotations"),
    "a SuperAnnotate file; export it as COCO": lambda o: (
        _single(o) and o.begins("metadata", b"{") and o.begins("instances", b"[")
    ),
    "a FiftyOne dataset; export it as COCODetectionDataset": lambda o: _single(o) and o.objects("samples"),
    "an Amazon SageMaker Ground Truth manifest; convert it to COCO": lambda o: o.has("source-ref"),
    "an OpenPose file; write its keypoints as {image: [[x, y, score], ...]}": lambda o: (
        _single(o) and o.objects("people") and o.has("version")
    ),
    "results of Ultralytics without image names; write them with save_txt=True, or as COCO results": lambda o: (
        _listed(o) and o.has("name", "class", "confidence") and o.begins("box", b"{")
    ),
    "predictions of Detectron2; write its coco_instances_results.json": lambda o: (
        _listed(o) and o.has("image_id") and o.objects("instances")
    ),
    "a HoVer-Net file; write its centroids as {image: [[x, y], ...]}": lambda o: _single(o) and o.begins("nuc", b"{"),
    "a Prodigy file; convert it to COCO": lambda o: o.has("image", "spans"),
    "a Scale AI file; convert it to COCO": lambda o: _listed(o) and o.has("task_id", "response"),
    "an Encord export; export it as COCO": lambda o: o.has("label_hash") or o.has("data_units"),
    "a COCO panoptic or segmentation result; boxes or keypoints are needed": lambda o: (
        _listed(o) and o.has("image_id", "segmentation") and not (o.has("bbox") or o.has("keypoints"))
    ),
    "a crowdeval report; the files that were scored are needed here": lambda o: (
        _single(o) and o.has("signature", "values")
    ),
}
"""Words for the files of other tools to the function that tells them."""


def _keys(data: bytes) -> dict[str, bytes]:
    """Return the keys of an object with the beginnings of their values; the keys seen so far where it is damaged."""
    try:
        values = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _first_keys(data)
    return {name: _compact(memoryview(value)) for name, value in values.items()}


def _compact(value: memoryview) -> bytes:
    """Return the beginning of a value without blanks."""
    return b"".join(bytes(value[:400]).split())[:200]


def _keys_of_first_object(data: bytes) -> dict[str, bytes]:
    """Return the keys of the first object of a list."""
    start = data.find(b"{")
    if start < 0 or data[:start].strip() != b"[":
        return {}
    try:
        text = data[start : start + _START].decode("utf-8", "ignore")
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return _first_keys(data[start : start + 16 * _START])
    return _keys(text[:end].encode()) if isinstance(value, dict) else {}


def _first_keys(data: bytes) -> dict[str, bytes]:
    """Return the keys at the beginning of an object that is long or damaged, token by token."""
    keys: dict[str, bytes] = {}
    depth, name = 0, None
    for token in _TOKEN.finditer(data, 0, 16 * _START):
        text = token.group()
        if depth == 1 and text == b":" and name is not None:
            keys[name] = _compact(memoryview(data)[token.end() : token.end() + 400])
            name = None
        elif depth == 1 and text.startswith(b'"') and (name is None):
            name = text[1:-1].decode("utf-8", "replace")
        elif depth == 1 and text == b",":
            name = None
        depth += (text in b"{[") - (text in b"}]") if len(text) == 1 else 0
        if depth == 0:
            break
    return keys
