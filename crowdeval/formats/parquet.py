"""Parquet: a long table ``image_id``, ``x``, ``y``, ... that any tool can read, with the images in its metadata.

- The metadata have the key ``crowdeval``: JSON of all images, also those without points, with their sizes, counts and
  attributes. Counts of annotations stand there only if the annotations have no points.
- An attribute of the points is a column ``point_attribute:NAME``.
- A table without these metadata, for example one that pandas wrote, is read like a CSV file.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from crowdeval.errors import FormatError, InputError, Problem, Problems, listed, shown
from crowdeval.formats.contract import Kind
from crowdeval.formats.image_objects import (
    attributes_by_image,
    counts_of,
    format_mark,
    point_attribute_lists,
    size_of_image,
    sizes_of,
)
from crowdeval.formats.long_table import annotations_of_table, predictions_of_table, require_storable_labels
from crowdeval.formats.parquet_columns import is_numeric, is_text, not_finite, numbers_of, plain, texts_of
from crowdeval.formats.source import Source
from crowdeval.formats.table_headers import BOX, IMAGE_SIZE, RADII, SIZE, Columns, read_header
from crowdeval.formats.table_rows import LongTable, class_texts
from crowdeval.points.assemble import Attribute, attribute_column, attribute_columns
from crowdeval.points.ragged import Floats, Integers
from crowdeval.points.sets import Annotations, Predictions, repeated_names

_MAGIC = b"PAR1"
_KEY = b"crowdeval"
_ATTRIBUTE = "point_attribute:"


class _ImageEntry(msgspec.Struct, omit_defaults=True):
    """One image in the metadata."""

    id: str
    width: float | UnsetType = UNSET
    height: float | UnsetType = UNSET
    count: float | UnsetType = UNSET
    attributes: dict[str, Attribute] | UnsetType = UNSET


class _ImageList(msgspec.Struct, omit_defaults=True):
    """The metadata: the kind of the table, and its images in order."""

    format: str
    images: list[_ImageEntry]
    located: bool = True
    classes: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """Reader and writer of Parquet, which stores every column.

    The attributes and methods are those of ``contract.Format``.

    Examples
    --------
    >>> content = PARQUET.write_predictions(Predictions(image_ids=["a", "b"], offsets=[0, 1, 1], xy=[[1, 2]]))
    >>> PARQUET.read_predictions(Source("p.parquet", content)).image_ids
    ('a', 'b')
    """

    name: str = "parquet"
    suffixes: tuple[str, ...] = (".parquet", ".pq")
    summary: str = "Parquet: a long table image_id, x, y, score, ..."

    def recognises(self, source: Source) -> bool:
        """Return whether the file begins with the first bytes of Parquet."""
        return source.data.startswith(_MAGIC)

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a table of crowdeval or of another program."""
        table, images = _table(source, "predictions")
        predictions = predictions_of_table(table)
        if images is None:
            return predictions
        try:
            counts = counts_of([image.count for image in images.images])
            return replace(predictions, counts=counts, located=images.located, sizes=_sizes(images))
        except InputError as problem:
            raise source.error("valid metadata", str(problem)) from None

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a table of crowdeval or of another program."""
        table, images = _table(source, "annotations")
        annotations = annotations_of_table(table)
        if images is None:
            return annotations
        try:
            counts: Any = None if images.located else counts_of([image.count for image in images.images])
            return replace(
                annotations,
                sizes=_sizes(images),
                attributes=attribute_columns([image.attributes or {} for image in images.images]),
                classes=images.classes,
                counts=counts,
                located=images.located,
            )
        except InputError as problem:
            raise source.error("valid metadata", str(problem)) from None

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return a table of x, y, score and label, with the images, their counts and sizes in the metadata."""
        columns: dict[str, Any] = {"x": predictions.xy[:, 0], "y": predictions.xy[:, 1]}
        if predictions.score is not None:
            columns["score"] = predictions.score
        return _content("predictions", predictions, columns)

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return a table of the point columns, with sizes and attributes in the metadata."""
        columns: dict[str, Any] = {"x": annotations.xy[:, 0], "y": annotations.xy[:, 1]}
        for names, column in ((BOX, annotations.boxes), (RADII, annotations.radii)):
            if column is not None:
                columns |= dict(zip(names, column.T, strict=True))
        if annotations.level is not None:
            columns["level"] = annotations.level
        for name, values in point_attribute_lists(annotations).items():
            columns[f"{_ATTRIBUTE}{name}"] = values
        return _content("annotations", annotations, columns)


PARQUET = ParquetTable()


def _content(kind: Kind, value: Predictions | Annotations, columns: Mapping[str, Any]) -> bytes:
    """Return the bytes of a table with these point columns, the labels, and the images."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # images [0, 0, 2] and ids ["a", "b", "c"] -> column "a", "a", "c"
    ids = pa.DictionaryArray.from_arrays(value.points.image, pa.array(value.image_ids, pa.string()))
    require_storable_labels("parquet", value.labels, "", "half characters")
    labels = {} if value.labels is None else {"label": pa.array(value.labels.tolist(), pa.string())}
    try:
        table = pa.table({"image_id": ids.dictionary_decode(), **columns, **labels})
    except pa.ArrowException as problem:
        raise InputError(f"an attribute of mixed types can't be a Parquet column: {problem}") from None
    classes = dict(value.classes) if isinstance(value, Annotations) else {}
    images = _ImageList(format_mark(kind), _entries(value), value.located, classes)
    table = table.replace_schema_metadata({_KEY: msgspec.json.encode(images)})
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def _entries(value: Predictions | Annotations) -> list[_ImageEntry]:
    """Return the images of a set for the metadata."""
    entries = [_ImageEntry(name) for name in value.image_ids]
    if value.sizes is not None:
        for entry, size in zip(entries, value.sizes, strict=True):
            entry.width, entry.height = size_of_image(size)
    # the counts of annotated points need not be written
    if value.counts is not None and not (isinstance(value, Annotations) and value.located):
        for entry, count in zip(entries, value.counts.tolist(), strict=True):
            entry.count = UNSET if count != count else count
    if isinstance(value, Annotations):
        for entry, attributes in zip(entries, attributes_by_image(value), strict=True):
            entry.attributes = attributes or UNSET
    return entries


def _sizes(images: _ImageList) -> Floats | None:
    """Return the sizes of the metadata."""
    return sizes_of([(image.width, image.height) for image in images.images])


def _table(source: Source, kind: Kind) -> tuple[LongTable, _ImageList | None]:
    """Return the table of a file, and the images of its metadata where it has them."""
    problems = Problems(source.name)
    arrow, columns, images = _arrow_table(source, kind, problems)
    headers = arrow.column_names
    names = {name: (headers[i], arrow.column(i)) for i, name in columns.names.items()}
    ids_and_image = _images(names["image"][1], images, problems)
    # Where the image of a row is unknown, all rows get the image "" so that the numbers are checked in any case.
    ids, image = ids_and_image or (("",), np.zeros(arrow.num_rows, dtype=np.int64))
    own = images is not None  # then sizes and counts stand in the metadata, and labels are as they were written
    of_image = (*SIZE, *IMAGE_SIZE, "count") if own else ()
    parts = {name: names[name] for name in columns.numbers if name not in of_image}
    numbers = {name: numbers_of(*part, problems) for name, part in parts.items()}
    texts = {name: texts_of(*names[name], problems) for name in columns.texts}
    if "label" in texts and not own:
        texts["label"] = replace(texts["label"], values=class_texts(texts["label"].values))
    table = LongTable(problems, ids, image, {name: values for name, (values, _) in numbers.items()}, _place,
                      _attributes(arrow, problems), texts=texts, zeros_are_empty=columns.zeros_are_empty)  # fmt: skip
    table = table.with_reported(not_finite(table, {name: nan for name, (_, nan) in numbers.items()}, columns))
    if ids_and_image is None:
        raise problems.error()
    return table, images


def _place(name: str, row: int) -> dict[str, Any]:
    """Return the place of a cell for a Problem."""
    return {"key": f"{name}[{row}]"}


def _attributes(arrow: Any, problems: Problems) -> dict[str, NDArray[Any]]:
    """Return the attributes of the points; add a problem where a value is not a string, a number or a flag."""
    columns = {}
    for i, header in enumerate(arrow.column_names):
        if header.startswith(_ATTRIBUTE):
            values = arrow.column(i).to_pylist()
            others = [value for value in values if not isinstance(value, Attribute)]
            if others:
                problems.add("strings, numbers or flags", shown(others[0]), key=header)
            columns[header.removeprefix(_ATTRIBUTE)] = attribute_column(values)
    return columns


def _arrow_table(source: Source, kind: Kind, problems: Problems) -> tuple[Any, Columns, _ImageList | None]:
    """Return the table, its columns and the images of the metadata; raise FormatError for a damaged file.

    The table has the columns that are read, at the positions in which they are named, and the attributes after them.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(source.data))
        fields = [(str(field.name), field.type) for field in file.schema_arrow]
    except Exception as problem:  # a damaged file may raise anything
        raise _damaged(source, problem) from None
    images = _image_list(file.schema_arrow.metadata or {}, kind, problems)
    before = problems.total
    attributes = [name for name, _ in fields if name.startswith(_ATTRIBUTE)]
    fields = [(name, type) for name, type in fields if not name.startswith(_ATTRIBUTE)]
    headers = [name for name, _ in fields]
    columns = read_header(
        headers, kind, problems, is_number=lambda position: is_numeric(fields[position][1], null=False)
    )
    if images is not None and columns.places != ("x", "y") and problems.total == before:
        problems.add("the columns 'x' and 'y'", listed(headers))
    if problems.total > before:
        raise problems.error()
    try:
        table = file.read(columns=[*(headers[i] for i in columns.names), *attributes], use_threads=False)
        table.validate(full=True)
        table = table.select([*(headers[i] for i in columns.names), *attributes])
    except Exception as problem:
        raise _damaged(source, problem) from None
    return table, replace(columns, names=dict(enumerate(columns.names.values()))), images


def _damaged(source: Source, problem: Exception) -> FormatError:
    """Return the error of a damaged file, with the first line of the reason."""
    reason = (str(problem).splitlines() or [type(problem).__name__])[0]
    return source.error("a Parquet table", f"a truncated or damaged one: {reason}")


def _image_list(metadata: Mapping[bytes, bytes], kind: Kind, problems: Problems) -> _ImageList | None:
    """Return the images of the metadata, or None where the file has no metadata of crowdeval."""
    if _KEY not in metadata:
        return None
    place = "metadata 'crowdeval'"
    try:
        images = msgspec.json.decode(metadata[_KEY], type=_ImageList)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        problems.add("a list of images", str(problem), key=place)
        return None
    if images.format != format_mark(kind):
        hint = f"{kind} are needed here"
        other = Problem(expected=repr(format_mark(kind)), found=repr(images.format), key=place, hint=hint)
        raise FormatError(problems.file, [other])
    twice = repeated_names(image.id for image in images.images)
    if twice:
        places = [i for i, image in enumerate(images.images) if image.id == twice[0]]
        problems.add("every image once", f"{twice[0]!r} as entries {places[0]} and {places[1]}", key=place)
    return images


def _images(column: Any, images: _ImageList | None, problems: Problems) -> tuple[tuple[str, ...], Integers] | None:
    """Return the image ids and the image of every row, or None where an id is wrong; whole numbers become text."""
    import pyarrow as pa

    before = problems.total
    values = plain(column)
    if not (is_text(values.type) or pa.types.is_integer(values.type)):
        problems.add("image ids", f"a column of {column.type}", hint="write the ids as strings")
        return None
    column = values.cast(pa.large_string())
    null = np.flatnonzero(~np.asarray(column.is_valid())).tolist()
    for row in null:
        problems.add("an image id", "null", key=f"image_id[{row}]")
    if null:
        return None
    encoded = column.combine_chunks().dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    ids = tuple(names) if images is None else tuple(image.id for image in images.images)
    if "" in ids or "" in names:
        problems.add("image ids", "an empty one")
    index = {name: i for i, name in enumerate(ids)}
    unknown = [name for name in names if name not in index]
    if unknown:
        problems.add("rows of the images of the metadata", f"rows of {listed(unknown)}")
    if problems.total > before:
        return None
    # The dictionary has the images in the order of their first rows, the metadata may have another order:
    # rows "b", "a", "b", dictionary ["b", "a"], indices [0, 1, 0], ids ("a", "b") -> positions [1, 0], images [1, 0, 1]
    positions = np.array([index[name] for name in names], dtype=np.int64)
    return ids, positions[encoded.indices.to_numpy(zero_copy_only=False)]
