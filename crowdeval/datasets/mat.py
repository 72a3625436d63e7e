"""Point columns of MATLAB files: (N, 2) matrices by name, and the fields of structs; damage said in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowdeval.datasets.mat5 import Cells, DamagedError, Other, RefusedError, Struct, Value, variables_of
from crowdeval.errors import FormatError, MissingFileError, Problem, Problems, listed
from crowdeval.points.ragged import LARGEST, Floats

_HDF5 = b"\x89HDF\r\n\x1a\n"


def mat_variables(path: Path) -> dict[str, Value]:
    """Return the variables of a .mat file.

    Raises
    ------
    MissingFileError
        If the file can't be read.
    FormatError
        If it is truncated, of version 7.3, no MATLAB file at all, or holds code or objects.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise MissingFileError(f"{path} can't be read ({problem.strerror})") from None
    if data.startswith((b"MATLAB 7.3", _HDF5)) or data[512:520] == _HDF5:
        expected, hint = "a MATLAB file of version 5 to 7", "save it in MATLAB with save(..., '-v7')"
        raise _error(path, expected, "version 7.3 (HDF5)", hint=hint)
    try:
        return variables_of(data)
    except RefusedError as problem:
        raise _error(path, "numbers", str(problem), hint="code and objects are refused") from None
    except DamagedError as problem:
        found = f"a damaged or truncated one: {problem}" if data else "an empty file"
        raise _error(path, "a whole MATLAB file of version 5 to 7", found, hint="download or unpack it again") from None


def annotated_points(path: Path) -> Floats:
    """Return the matrix ``annPoints`` of a file, as the UCF datasets and NWPU-Crowd have it."""
    return column(path, named(path, mat_variables(path), "annPoints"), "annPoints")


def column(path: Path, value: Value, key: str, width: int = 2) -> Floats:
    """Return a numeric variable or field as (N, width) float64; anything empty is N = 0."""
    if not isinstance(value, np.ndarray):
        raise _error(path, f"an (N, {width}) matrix of numbers", nature(value), key=key)
    if value.size == 0:
        return np.empty((0, width))
    if value.ndim != 2 or value.shape[1] != width:
        raise _error(path, f"an (N, {width}) matrix", nature(value), key=key)
    table: Floats = np.ascontiguousarray(value, dtype=np.float64)
    problems = Problems(str(path))
    for row in np.flatnonzero(~(np.abs(table) <= LARGEST).all(axis=1)).tolist():
        numbers = ", ".join(f"{number:g}" for number in table[row])
        problems.add(f"finite numbers within {LARGEST:.0e}", f"({numbers})", key=f"{key}({row + 1}, :)")
    problems.raise_if_any()
    return table


def named(path: Path, values: dict[str, Value], name: str, *, what: str = "variable") -> Value:
    """Return the variable or field of that name."""
    if name not in values:
        raise _error(path, f"a {what} {name!r}", listed(values) if values else "none")
    return values[name]


def record(path: Path, value: Value, key: str) -> dict[str, Value]:
    """Return the fields of a (1, 1) struct that lies bare, or in (1, 1) cells."""
    while isinstance(value, Cells) and len(value.values) == 1:
        value = value.values[0]
    if not isinstance(value, Struct):
        raise _error(path, "a (1, 1) struct, bare or in a cell", nature(value), key=key)
    return value.fields


def nature(value: Value) -> str:
    """Return what a value is, in words."""
    match value:
        case Cells():
            return f"a cell array of {len(value.values)}"
        case Struct():
            return f"a struct with the fields {listed(value.fields)}"
        case Other():
            return value.kind
        case _:
            return f"{value.dtype} of shape {value.shape}"


def _error(path: Path, expected: str, found: str, *, key: str | None = None, hint: str | None = None) -> FormatError:
    return FormatError(str(path), [Problem(expected=expected, found=found, key=key, hint=hint)])
