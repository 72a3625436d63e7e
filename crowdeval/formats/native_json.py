"""The native JSON format: a document of image objects, and its short forms.

The reader accepts four forms, and the spellings of ``json_spellings``:

- a document: ``{"format": "crowdeval/predictions@1", "images": [...]}``;
- the list of image objects alone: ``[{"id": "IMG_1", "points": [[x, y], ...]}, ...]``;
- points by image id: ``{"points": {"IMG_1": [[x, y, score], ...]}}``;
- the object of points alone: ``{"IMG_1": [[x, y, score], ...]}``.

In a short form, either every row has the score as its third number or none has it. The writer always uses the first
form, with one image in every line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from crowdeval.errors import InputError, Problems, did_you_mean, shown
from crowdeval.formats.contract import Kind
from crowdeval.formats.image_objects import (
    AnnotatedImage,
    PredictedImage,
    Rows,
    annotated_images,
    annotations_of,
    annotations_of_rows,
    count_quotes,
    format_mark,
    predicted_images,
    predictions_of,
    predictions_of_rows,
)
from crowdeval.formats.image_walk import ImageWalk
from crowdeval.formats.json_kinds import told_by
from crowdeval.formats.json_spellings import decode_spelling, respelt
from crowdeval.formats.json_text import Object, child_key, parse_source
from crowdeval.formats.source import Source
from crowdeval.points.sets import Annotations, Predictions

Columns = TypeVar("Columns", Predictions, Annotations)

_KEYS = ("format", "images", "points")
_DOCUMENT = re.compile(rb'\s*\{\s*"(format|images|points)"\s*:\s*["\[{]')


class _PredictionsDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A whole file of predictions."""

    format: str | UnsetType = UNSET
    images: list[PredictedImage] | UnsetType = UNSET
    points: dict[str, Rows] | UnsetType = UNSET


class _AnnotationsDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A whole file of annotations."""

    format: str | UnsetType = UNSET
    images: list[AnnotatedImage] | UnsetType = UNSET
    points: dict[str, Rows] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class _Side(Generic[Columns]):
    """The types and functions of one kind of file: predictions or annotations."""

    kind: Kind
    image: Any
    document: Any
    of_images: Callable[[Any], Columns]
    of_rows: Callable[[Mapping[str, Rows]], Columns]

    def columns(self, value: Any) -> Columns:
        """Return the columns of a decoded file of any form; raise InputError where its parts do not fit together."""
        if isinstance(value, list):
            return self.of_images(value)
        if isinstance(value, dict):
            return self.of_rows(value)
        if value.format not in (UNSET, format_mark(self.kind)) or (value.images is UNSET) == (value.points is UNSET):
            raise InputError(f"not a document of {self.kind}")
        return self.of_images(value.images) if value.points is UNSET else self.of_rows(value.points)


_PREDICTIONS = _Side("predictions", PredictedImage, _PredictionsDocument, predictions_of, predictions_of_rows)
_ANNOTATIONS = _Side("annotations", AnnotatedImage, _AnnotationsDocument, annotations_of, annotations_of_rows)


@dataclass(frozen=True, slots=True)
class NativeJSON:
    """Reader and writer of native JSON, which stores every column.

    The attributes and methods are those of ``contract.Format``.

    Examples
    --------
    >>> JSON.read_predictions(Source("p.json", b'{"a": [[1, 2, 0.5]], "b": []}')).offsets.tolist()
    [0, 1, 1]
    """

    name: str = "json"
    suffixes: tuple[str, ...] = (".json",)
    summary: str = "native JSON: image objects, or points by image id"

    def recognises(self, source: Source) -> bool:
        """Return whether the file is JSON and neither JSON lines nor COCO."""
        return told_by(source).formats == ("json",)

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a file."""
        return _read(source, _PREDICTIONS)

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a file."""
        return _read(source, _ANNOTATIONS)

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a document of predictions."""
        return _document("predictions", predicted_images(predictions))

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a document of annotations without the attributes that are NaN or None."""
        return _document("annotations", annotated_images(annotations))


JSON = NativeJSON()


def _read(source: Source, side: _Side[Columns]) -> Columns:
    """Read the fast way; where it fails in any way, read the careful way, which finds the problems."""
    data = source.utf8()
    form: Any = side.document if _DOCUMENT.match(data) else dict[str, Rows]
    if data.lstrip().startswith(b"["):
        form = list[side.image]  # type: ignore[name-defined]
    try:
        value = msgspec.json.decode(data, type=form)
        if count_quotes(value) == data.count(b'"'):
            return side.columns(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InputError):
        pass
    try:
        images = decode_spelling(data, side.image)
        if images is not None:
            return side.columns(images)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InputError):
        pass
    try:
        return side.columns(_decode_carefully(source, side))
    except (msgspec.ValidationError, InputError) as problem:
        raise source.error(f"{side.kind} in native JSON", str(problem)) from None


def _decode_carefully(source: Source, side: _Side[Columns]) -> Any:
    """Return the decoded form of a file; raise FormatError with all problems and their key paths."""
    value = parse_source(source)
    problems = Problems(source.name)
    walk = ImageWalk(side.kind, problems)
    form: Any = dict[str, Rows]
    document = isinstance(value, Object) and _is_document(value)
    other = None if document else respelt(value)
    if isinstance(value, list) or other is not None:
        form = list[side.image]  # type: ignore[name-defined]
        _check_images(walk, other or [(f"[{i}]", image) for i, image in enumerate(value)])
        value = value if other is None else [image for _, image in other]
    elif document:
        form = side.document
        _check_document(walk, value, problems)
    elif isinstance(value, Object):
        walk.check_short_form(value, "")
    else:
        problems.add(f"an object or a list of {side.kind}", shown(value))
    problems.raise_if_any()
    return msgspec.convert(value, form)


def _is_document(value: Object) -> bool:
    """Return whether an object is a document, and not a short form with an image "format", "images" or "points"."""
    images = value.get("images")
    return (
        isinstance(value.get("format"), str)
        or isinstance(value.get("points"), Object)
        or (isinstance(images, list) and not (images and isinstance(images[0], list)))
    )


def _check_document(walk: ImageWalk, value: Object, problems: Problems) -> None:
    """Check the keys of a document, and its images or its points."""
    if "format" in value:
        walk.check_format(value["format"])
    walk.check_repeated_keys(value, "")
    for name in value:
        if name in _KEYS:
            continue
        hint = "is this a COCO file? name the format 'coco'" if name in ("annotations", "categories") else None
        hint = hint or did_you_mean(name, _KEYS).removeprefix("; ") or None
        problems.add('the keys "format", "images" and "points"', shown(name), key=child_key("", name), hint=hint)
    if ("images" in value) == ("points" in value):
        alone = value.keys() == {"format"}
        hint = "is this the first line of JSON lines without images? name the format 'jsonl'" if alone else None
        problems.add('either "images" or "points"', "both" if "images" in value else "neither", hint=hint)
    if isinstance(value.get("images"), list):
        _check_images(walk, [(f"images[{i}]", image) for i, image in enumerate(value["images"])])
    elif "images" in value:
        problems.add("a list of image objects", shown(value["images"]), key="images")
    if isinstance(value.get("points"), Object):
        walk.check_short_form(value["points"], "points")
    elif "points" in value:
        problems.add("an object of points by image id", shown(value["points"]), key="points")


def _check_images(walk: ImageWalk, images: list[tuple[str, Any]]) -> None:
    for key, image in images:
        walk.check_image(image, key)
    walk.check_agreement(images[0][0].partition("[")[0] if images and images[0][0].endswith("]") else "")


def _document(kind: Kind, images: Iterable[msgspec.Struct]) -> bytes:
    lines = b",\n".join(map(msgspec.json.encode, images))
    return b'{"format": "%s", "images": [\n%s\n]}\n' % (format_mark(kind).encode(), lines)
