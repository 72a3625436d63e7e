"""Matrices of points and structs from MATLAB files, with an error that names the file, the variable and the row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowdeval.datasets.mat5 import Cells, DamagedError, Other, RefusedError, Struct, Value, variables_of
from crowdeval.errors import FormatError, MissingFileError, Problem, Problems, listed
from crowdeval.points.ragged import LARGEST, Floats

_HDF5 = b"\x89HDF\r\n\x1a\n"


def mat_variables(path: Path) -> dict[str, Value]:
    """Return the variables of a MATLAB file.

    Parameters
    ----------
    path : Path
        A .mat file of version 5 to 7.

    Returns
    -------
    dict of str to Value
        Values by variable name.

    Raises
    ------
    MissingFileError
        If the file can't be read.
    FormatError
        If the file is damaged, of version 7.3, no MATLAB file at all, or contains code or objects.

    Examples
    --------
    >>> import tempfile
    >>> from scipy.io import savemat
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     savemat(Path(folder, "1_ann.mat"), {"annPoints": np.array([[1.0, 2.0]])})
    ...     mat_variables(Path(folder, "1_ann.mat"))
    {'annPoints': array([[1., 2.]])}
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise MissingFileError(f"{path} can't be read ({problem.strerror})") from None
    # A file of version 7.3 is an HDF5 file, in which MATLAB puts 512 bytes of its own before the signature.
    if data.startswith((b"MATLAB 7.3", _HDF5)) or data[512:520] == _HDF5:
        expected, hint = "a MATLAB file of version 5 to 7", "save it in MATLAB with save(..., '-v7')"
        raise _error(path, expected, "version 7.3 (HDF5)", hint=hint)
    try:
        return variables_of(data)
    except RefusedError as problem:
        hint = "files with code or objects are not read; save the numbers alone"
        raise _error(path, "numbers", str(problem), hint=hint) from None
    except DamagedError as problem:
        found = f"a damaged or truncated file: {problem}" if data else "an empty file"
        raise _error(path, "a whole MATLAB file of version 5 to 7", found, hint="download or unpack it again") from None


def annotated_points(path: Path) -> Floats:
    """Return the matrix ``annPoints`` of a MATLAB file, as the UCF datasets and NWPU-Crowd have it.

    Parameters
    ----------
    path : Path
        A .mat file of version 5 to 7.

    Returns
    -------
    array of float64, (N, 2)
        x, y in pixels.

    Raises
    ------
    MissingFileError
        If the file can't be read.
    FormatError
        If the file is damaged, or has no such matrix of finite numbers.

    Examples
    --------
    >>> import tempfile
    >>> from scipy.io import savemat
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     savemat(Path(folder, "1_ann.mat"), {"annPoints": np.array([[1, 2]], dtype=np.uint16)})
    ...     annotated_points(Path(folder, "1_ann.mat")).tolist()
    [[1.0, 2.0]]
    """
    return number_matrix(path, member(path, mat_variables(path), "annPoints"), "annPoints")


def number_matrix(path: Path, value: Value, key: str, width: int = 2) -> Floats:
    """Return a variable or field as a matrix of float64.

    Parameters
    ----------
    path : Path
        The file, for the error message.
    value : Value
        The value of the variable or field.
    key : str
        Its name, for the error message.
    width : int
        The expected number of columns.

    Returns
    -------
    array of float64, (N, width)
        N = 0 for an empty matrix of any shape: MATLAB writes no points as 0 x 0 or 0 x 2, for example.

    Raises
    ------
    FormatError
        If the value is not such a matrix of finite numbers; rows are counted from 1, as in MATLAB.

    Examples
    --------
    >>> number_matrix(Path("1_ann.mat"), np.array([[1, 2]], dtype=np.uint8), "annPoints").tolist()
    [[1.0, 2.0]]
    >>> number_matrix(Path("1_ann.mat"), np.empty((0, 0)), "annBoxes", width=4).shape
    (0, 4)
    """
    if not isinstance(value, np.ndarray):
        raise _error(path, f"an (N, {width}) matrix of numbers", _description(value), key=key)
    if value.size == 0:
        return np.empty((0, width))
    if value.ndim != 2 or value.shape[1] != width:
        raise _error(path, f"an (N, {width}) matrix", _description(value), key=key)
    table: Floats = np.ascontiguousarray(value, dtype=np.float64)
    problems = Problems(str(path))
    # "not <=" instead of ">", so that NaN, for which every comparison is false, is a problem too.
    for row in np.flatnonzero(~(np.abs(table) <= LARGEST).all(axis=1)).tolist():
        numbers = ", ".join(f"{number:g}" for number in table[row])
        problems.add(f"finite numbers within {LARGEST:.0e}", f"({numbers})", key=f"{key}({row + 1}, :)")
    problems.raise_if_any()
    return table


def member(path: Path, values: dict[str, Value], name: str, *, kind: str = "variable") -> Value:
    """Return the variable of a file, or the field of a struct, that has a name.

    Parameters
    ----------
    path : Path
        The file, for the error message.
    values : dict of str to Value
        The variables or fields by name.
    name : str
        The name.
    kind : str
        The word for it in the error message: ``"variable"`` or ``"field"``.

    Returns
    -------
    Value

    Raises
    ------
    FormatError
        If nothing has this name; the error lists the names that exist.

    Examples
    --------
    >>> member(Path("1_ann.mat"), {"annPoints": np.array([[1.0, 2.0]])}, "annPoints")
    array([[1., 2.]])
    """
    if name not in values:
        raise _error(path, f"a {kind} {name!r}", listed(values) if values else "none")
    return values[name]


def struct_fields(path: Path, value: Value, key: str) -> dict[str, Value]:
    """Return the fields of a (1, 1) struct, which may lie in (1, 1) cells.

    Parameters
    ----------
    path : Path
        The file, for the error message.
    value : Value
        The value of the variable.
    key : str
        Its name, for the error message.

    Returns
    -------
    dict of str to Value
        Values by field name.

    Raises
    ------
    FormatError
        If the value is something else.

    Examples
    --------
    >>> info = Struct({"number": np.array([[1.0]])})
    >>> struct_fields(Path("GT_IMG_1.mat"), Cells([info]), "image_info")
    {'number': array([[1.]])}
    """
    while isinstance(value, Cells) and len(value.values) == 1:
        value = value.values[0]
    if not isinstance(value, Struct):
        raise _error(path, "a (1, 1) struct, bare or in a cell", _description(value), key=key)
    return value.fields


def _description(value: Value) -> str:
    """Return the kind and size of a value, for a message."""
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
