"""A split <-> the bytes of a Parquet file: a row an image, point columns as lists, types and notes beside them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.datasets.contract import Split
from crowdeval.points.ragged import offsets_of
from crowdeval.points.sets import Annotations

_POINTS = "points."
_IMAGES = "images."
_ABOUT = b"crowdeval"
_WIDTHS = {"xy": 2, "boxes": 4, "radii": 2}


def table_of_split(split: Split) -> bytes | None:
    """Return the bytes of a Parquet file, or None where a column is of a kind that it would not give back."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    annotations = split.annotations
    columns: dict[str, Any] = {"image_id": pa.array(annotations.image_ids, pa.string())}
    types: dict[str, str] = {}
    try:
        for name, values in _point_columns(annotations).items():
            types[_POINTS + name] = values.dtype.str
            columns[_POINTS + name] = pa.ListArray.from_arrays(
                pa.array(annotations.offsets * _WIDTHS.get(name, 1), pa.int32()), pa.array(values.reshape(-1))
            )
        for name, values in _image_columns(annotations).items():
            types[_IMAGES + name] = values.dtype.str
            columns[_IMAGES + name] = pa.array(values.tolist() if values.dtype.kind in "OU" else values)
        if split.image_paths:
            columns["path"] = pa.array([os.path.relpath(path, split.home) for path in split.image_paths], pa.string())
        about = {"types": types, "notes": split.notes, "sizes": annotations.sizes is not None}
        table = pa.table(columns).replace_schema_metadata({_ABOUT: json.dumps(about).encode()})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
    except (pa.ArrowException, ValueError, TypeError):
        return None
    data: bytes = sink.getvalue().to_pybytes()
    return data


def split_of_table(data: bytes, *, name: str, split: str, home: Path) -> Split:
    """Return the split that ``table_of_split`` wrote; raise ValueError where the bytes are none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False)
        about = json.loads(table.schema.metadata[_ABOUT])
        points, images, counts = _read_columns(table, about["types"])
    except (pa.ArrowException, KeyError, TypeError) as problem:
        raise ValueError(str(problem)) from None
    sizes = np.column_stack([images.pop("width"), images.pop("height")]) if about["sizes"] else None
    own = {column: points.pop(column, None) for column in ("xy", "boxes", "radii", "level")}
    annotations = Annotations(
        image_ids=tuple(table["image_id"].to_pylist()),
        offsets=offsets_of(counts),
        sizes=sizes,
        attributes={name.removeprefix("@"): values for name, values in images.items()},
        point_attributes={name.removeprefix("@"): values for name, values in points.items()},
        **own,
    )
    paths = table["path"].to_pylist() if "path" in table.column_names else ()
    return Split(
        name=name,
        split=split,
        home=home,
        annotations=annotations,
        image_paths=tuple(home / path for path in paths),
        notes=tuple(about["notes"]),
    )


def _point_columns(annotations: Annotations) -> dict[str, NDArray[Any]]:
    own = {name: getattr(annotations, name) for name in ("xy", "boxes", "radii", "level")}
    columns = {name: values for name, values in own.items() if values is not None}
    return columns | {f"@{name}": values for name, values in annotations.point_attributes.items()}


def _image_columns(annotations: Annotations) -> dict[str, NDArray[Any]]:
    sizes = annotations.sizes
    columns = {} if sizes is None else {"width": sizes[:, 0], "height": sizes[:, 1]}
    return columns | {f"@{name}": values for name, values in annotations.attributes.items()}


def _read_columns(table: Any, types: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any], Any]:
    points: dict[str, Any] = {}
    images: dict[str, Any] = {}
    counts: Any = []
    for column, kind in types.items():
        values = table[column].combine_chunks()
        if column.startswith(_POINTS):
            name = column.removeprefix(_POINTS)
            width = _WIDTHS.get(name, 1)
            flat = _numpy(values.flatten(), kind)
            points[name] = flat.reshape(-1, width) if name in _WIDTHS else flat
            counts = np.diff(values.offsets.to_numpy()) // width if name == "xy" else counts
        else:
            images[column.removeprefix(_IMAGES)] = _numpy(values, kind)
    return points, images, counts


def _numpy(values: Any, kind: str) -> NDArray[Any]:
    if kind[1] in "OU":
        column = np.empty(len(values), dtype=object)
        column[:] = values.to_pylist()
        return column.astype(kind)
    numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False).astype(kind, copy=False)
    return numbers
