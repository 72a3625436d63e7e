"""A split of a dataset as the bytes of a Parquet file, and back, with the types of all columns unchanged.

The table has one row for each image:

- ``image_id``, and ``path`` relative to the dataset's own folder where there are images;
- ``images.NAME`` for each column with one value an image: ``width``, ``height``, and attributes as ``@NAME``;
- ``points.NAME`` for each column with one row a point: ``xy``, ``boxes``, ``radii``, ``level``, and point attributes
  as ``@NAME``. Its cells are lists, the numbers of all points of the image in one row.

The metadata of the table has the numpy type of each column, and the notes of the split.
"""

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
"""Numbers a point in the columns with several; a column not named here has one."""


def table_of_split(split: Split) -> bytes | None:
    """Return a split as the bytes of a Parquet file.

    Parameters
    ----------
    split : Split
        The split.

    Returns
    -------
    bytes or None
        None where Parquet can't hold a column, such as an attribute of objects of several types.

    Examples
    --------
    >>> annotations = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    >>> split = Split(name="folder", split="mine", home=Path("mine"), annotations=annotations, image_paths=())
    >>> table_of_split(split)[:4]
    b'PAR1'
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    annotations = split.annotations
    columns: dict[str, Any] = {"image_id": pa.array(annotations.image_ids, pa.string())}
    types: dict[str, str] = {}
    try:
        for name, values in _point_columns(annotations).items():
            types[_POINTS + name] = values.dtype.str
            # A list column is all numbers in one row and the position where each image begins. For two images with
            # one and two points, xy: offsets [0, 1, 3] * 2 = [0, 2, 6] -> lists [x, y], [x, y, x, y]
            starts = pa.array(annotations.offsets * _WIDTHS.get(name, 1), pa.int32())
            columns[_POINTS + name] = pa.ListArray.from_arrays(starts, pa.array(values.reshape(-1)))
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
    """Return the split of a Parquet file that ``table_of_split`` wrote.

    Parameters
    ----------
    data : bytes
        The Parquet file.
    name, split : str
        Name of the dataset and of the split.
    home : Path
        The dataset's own folder, from which the image paths start.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If the bytes are not such a file.

    Examples
    --------
    >>> annotations = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    >>> split = Split(name="folder", split="mine", home=Path("mine"), annotations=annotations, image_paths=())
    >>> copy = split_of_table(table_of_split(split), name="folder", split="mine", home=Path("mine"))
    >>> copy.annotations.xy.tolist()
    [[1.0, 2.0]]
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False)
        about = json.loads(table.schema.metadata[_ABOUT])
        points, images, counts = _read_columns(table, about["types"])
    except (pa.ArrowException, KeyError, TypeError) as problem:
        raise ValueError(str(problem)) from None
    sizes = np.column_stack([images.pop("width"), images.pop("height")]) if about["sizes"] else None
    own_columns = {column: points.pop(column, None) for column in ("xy", "boxes", "radii", "level")}
    annotations = Annotations(
        image_ids=tuple(table["image_id"].to_pylist()),
        offsets=offsets_of(counts),
        sizes=sizes,
        attributes={name.removeprefix("@"): values for name, values in images.items()},
        point_attributes={name.removeprefix("@"): values for name, values in points.items()},
        **own_columns,
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
    """Return the columns with one row a point, point attributes as ``@NAME``."""
    own_columns = {name: getattr(annotations, name) for name in ("xy", "boxes", "radii", "level")}
    columns = {name: values for name, values in own_columns.items() if values is not None}
    return columns | {f"@{name}": values for name, values in annotations.point_attributes.items()}


def _image_columns(annotations: Annotations) -> dict[str, NDArray[Any]]:
    """Return the columns with one value an image, attributes as ``@NAME``."""
    sizes = annotations.sizes
    columns = {} if sizes is None else {"width": sizes[:, 0], "height": sizes[:, 1]}
    return columns | {f"@{name}": values for name, values in annotations.attributes.items()}


def _read_columns(table: Any, types: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Return the columns of the points, those of the images, and the number of points of every image."""
    points: dict[str, Any] = {}
    images: dict[str, Any] = {}
    counts: Any = []
    for column, dtype in types.items():
        values = table[column].combine_chunks()
        if column.startswith(_POINTS):
            name = column.removeprefix(_POINTS)
            width = _WIDTHS.get(name, 1)
            flat = _numpy_column(values.flatten(), dtype)
            points[name] = flat.reshape(-1, width) if name in _WIDTHS else flat
            # The positions where the lists begin give the counts: xy [0, 2, 6] -> lengths [2, 4] -> counts [1, 2]
            counts = np.diff(values.offsets.to_numpy()) // width if name == "xy" else counts
        else:
            images[column.removeprefix(_IMAGES)] = _numpy_column(values, dtype)
    return points, images, counts


def _numpy_column(values: Any, dtype: str) -> NDArray[Any]:
    """Return an Arrow column as a numpy array of a type such as ``"<f8"``."""
    if dtype[1] in "OU":
        # Filling an object array keeps None, which numpy would otherwise turn into the text "None" or into NaN.
        column = np.empty(len(values), dtype=object)
        column[:] = values.to_pylist()
        return column.astype(dtype)
    numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return numbers
