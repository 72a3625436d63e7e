"""JSON lines: one image object in every line, after an optional first line ``{"format": ...}``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from crowdeval.errors import InputError, Problems
from crowdeval.formats.contract import Kind
from crowdeval.formats.image_objects import (
    AnnotatedImage,
    Header,
    PredictedImage,
    annotated_images,
    annotations_of,
    count_quotes,
    format_mark,
    predicted_images,
    predictions_of,
)
from crowdeval.formats.image_walk import ImageWalk
from crowdeval.formats.json_kinds import told_by
from crowdeval.formats.json_spellings import respelt_line
from crowdeval.formats.json_text import NotJSON, Object, parse
from crowdeval.formats.source import Source
from crowdeval.points.sets import Annotations, Predictions

Image = TypeVar("Image", PredictedImage, AnnotatedImage)
Columns = TypeVar("Columns", Predictions, Annotations)


@dataclass(frozen=True, slots=True)
class JSONLines:
    """Reader and writer of JSON lines, which store every column.

    The attributes and methods are those of ``contract.Format``.

    Examples
    --------
    >>> JSON_LINES.write_predictions(Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1, 2]]))
    b'{"format": "crowdeval/predictions@1"}\\n{"id":"a","points":[[1.0,2.0]]}\\n'
    """

    name: str = "jsonl"
    suffixes: tuple[str, ...] = (".jsonl", ".ndjson")
    summary: str = "JSON lines: one image object in every line"

    def recognises(self, source: Source) -> bool:
        """Return whether the file has one JSON object in every line."""
        return told_by(source).formats == ("jsonl",)

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a file."""
        return _read(source, "predictions", PredictedImage, predictions_of)

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a file."""
        return _read(source, "annotations", AnnotatedImage, annotations_of)

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a header line and a line for every image."""
        return _encoded("predictions", predicted_images(predictions))

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a header line and a line for every image."""
        return _encoded("annotations", annotated_images(annotations))


JSON_LINES = JSONLines()


def _read(source: Source, kind: Kind, image: type[Image], columns: Callable[[list[Image]], Columns]) -> Columns:
    """Read the fast way; where it fails in any way, read the careful way, which finds the problems."""
    try:
        return columns(_decode(source, kind, image))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InputError):
        pass
    try:
        return columns(_decode_carefully(source, kind, image))
    except (msgspec.ValidationError, InputError) as problem:
        raise source.error(f"{kind} in JSON lines", str(problem)) from None


def _decode(source: Source, kind: Kind, image: type[Image]) -> list[Image]:
    """Return the image objects of a file; raise an error at anything unusual, without its place."""
    data = source.utf8().lstrip()
    first, _, rest = data.partition(b"\n")
    if b'"format"' in first and msgspec.json.decode(first, type=Header).format == format_mark(kind):
        data = rest
    images = msgspec.json.Decoder(image).decode_lines(data)
    if count_quotes(images) != data.count(b'"'):
        raise InputError("escaped quotes or repeated keys")
    return images


def _decode_carefully(source: Source, kind: Kind, image: type[Image]) -> list[Image]:
    """Return the image objects of a file; raise FormatError with all problems and their lines."""
    problems = Problems(source.name)
    walk = ImageWalk(kind, problems)
    values: list[object] = []
    for line, text in enumerate(source.text().split("\n"), start=1):
        if not text.strip():
            continue
        try:
            value = parse(text)
        except NotJSON as problem:
            problems.add("JSON", problem.found, line=line, hint=problem.hint)
            continue
        if not values and isinstance(value, Object) and value.keys() == {"format"}:
            walk.line = line
            walk.check_repeated_keys(value, "")
            walk.check_format(value["format"])
        else:
            value = respelt_line(value)
            walk.check_image(value, "", line=line)
            values.append(value)
    walk.check_agreement("")
    problems.raise_if_any()
    return [msgspec.convert(value, image) for value in values]


def _encoded(kind: Kind, images: Iterable[msgspec.Struct]) -> bytes:
    lines = [b'{"format": "%s"}' % format_mark(kind).encode(), *map(msgspec.json.encode, images)]
    return b"\n".join(lines) + b"\n"
