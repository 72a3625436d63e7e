"""A reader of MATLAB files of version 5 to 7 that returns numbers, cells and structs, and refuses code and objects.

scipy.io.loadmat reads more, but one damaged byte in some places makes it crash the whole process (SciPy 1.17). A
user's file must never do that, so this reader checks every length against the bytes that are there.

- Matrices of real numbers become arrays, cell arrays ``Cells``, and structs ``Struct``.
- Text, sparse matrices and complex matrices become ``Other``, which has no content.
- Objects, function handles and opaque values are refused, wherever they are in the file.

A file is a header of 128 bytes and a row of *elements*, one a variable. An element is a tag (type and size, four bytes
each), its content, and zeros up to a multiple of eight bytes. The content of a matrix is again a row of elements:
flags, shape, name, and the numbers or the matrices of its cells or fields. An element may also be compressed (zlib).

Source: MATLAB, MAT-File Format (MathWorks), "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Cells:
    """A cell array.

    Parameters
    ----------
    values : list of Value
        The values of the cells, column by column.
    """

    values: list[Value]


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct of one record; an array of several records is ``Other``.

    Parameters
    ----------
    fields : dict of str to Value
        Values by field name.
    """

    fields: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Other:
    """A value that is neither a matrix of real numbers nor a cell array nor a struct of one record.

    Parameters
    ----------
    kind : str
        Its kind, as text for a message: ``"text"``, ``"complex numbers"``.
    """

    kind: str


Value: TypeAlias = "NDArray[Any] | Cells | Struct | Other"
"""The value of a variable, a cell or a field."""


class DamagedError(ValueError):
    """The bytes are not a whole MATLAB file of version 5 to 7."""


class RefusedError(ValueError):
    """The file contains code or objects."""


_Element: TypeAlias = tuple[int, memoryview]
"""Type and content of an element."""

_HEADER = 128
_LARGEST = 1 << 28
"""Largest size in bytes of a decompressed variable."""
_DEEPEST = 20
"""Largest depth of cells and structs in each other."""

_COMPRESSED, _MATRIX = 15, 14
# Element types of numbers as they are stored, and matrix classes by the type that the numbers have in MATLAB. A matrix
# of doubles (class 6) with small whole numbers is stored as bytes (type 2), for example.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_REFUSED = {_OBJECT: "an object", _FUNCTION: "a function handle", _OPAQUE: "an object"}
_COMPLEX = 0x0800


def variables_of(data: bytes) -> dict[str, Value]:
    """Return the variables of a MATLAB file.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    dict of str to Value
        Values by variable name.

    Raises
    ------
    DamagedError
        If the bytes are not a whole file of version 5 to 7.
    RefusedError
        If the file contains code or objects.

    Examples
    --------
    >>> import io
    >>> from scipy.io import savemat
    >>> file = io.BytesIO()
    >>> savemat(file, {"annPoints": np.array([[1.5, 2.5]]), "word": "text"})
    >>> variables_of(file.getvalue())
    {'annPoints': array([[1.5, 2.5]]), 'word': Other(kind='text')}
    """
    # The last two bytes of the header are "MI" in the byte order of the machine that wrote the file.
    order = {b"IM": "<", b"MI": ">"}.get(data[_HEADER - 2 : _HEADER])
    if order is None:
        raise DamagedError("it has no header of a MATLAB file")
    variables: dict[str, Value] = {}
    for kind, content in _elements(memoryview(data)[_HEADER:], order):
        if kind == _COMPRESSED:
            inner = list(_elements(memoryview(_decompressed(content)), order))
            if len(inner) != 1:
                raise DamagedError(f"{len(inner)} compressed variables where one is expected")
            kind, content = inner[0]
        if kind != _MATRIX:
            raise DamagedError(f"an element of type {kind} where a variable is expected")
        name, value = _read_matrix(content, order, 0)
        if not name:
            raise RefusedError("a function workspace")
        variables[name] = value
    return variables


def _decompressed(content: memoryview) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(content, _LARGEST)
    except zlib.error as problem:
        raise DamagedError(str(problem)) from None
    if not stream.eof:
        large = f"a variable of more than {_LARGEST:,} bytes"
        raise DamagedError(large if stream.unconsumed_tail else "the file ends too early")
    return data


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    """Yield type and content of elements that follow one another."""
    start = 0
    while start < len(data):
        if len(data) - start < 8:
            raise DamagedError("the file ends too early")
        # A usual element has two words of four bytes, type and size, then the content. A small one has size and type
        # in one word (upper and lower half), then up to four bytes of content, so that it needs eight bytes in all:
        # 06 00 00 00 | 08 00 00 00 | eight bytes     type 6, size 8
        # 01 00 03 00 | 'a' 'b' 'c' 00                type 1, size 3
        kind, size = struct.unpack_from(f"{order}II", data, start)
        if kind >> 16:
            kind, size, first, step = kind & 0xFFFF, kind >> 16, start + 4, 8
            if size > 4:
                raise DamagedError(f"a small element of {size} bytes, which has at most 4")
        else:
            first = start + 8
            step = 8 + size + (0 if kind == _COMPRESSED else -size % 8)  # compressed elements are not padded
        if first + size > len(data):
            raise DamagedError("the file ends too early")
        yield kind, data[first : first + size]
        start += step


def _read_matrix(content: memoryview, order: str, depth: int) -> tuple[str, Value]:
    """Return name and value of a matrix element."""
    if depth > _DEEPEST:
        raise DamagedError(f"cells nested deeper than {_DEEPEST}")
    if not len(content):
        return "", np.empty((0, 0))
    parts = _elements(content, order)
    flags = _integers(_next_part(parts), order)
    if not flags:
        raise DamagedError("a matrix without flags")
    kind = flags[0] & 0xFF  # the lowest byte is the class, the second one holds bits such as _COMPLEX
    if kind in _REFUSED:
        raise RefusedError(_REFUSED[kind])
    shape = _integers(_next_part(parts), order)
    if len(shape) < 2 or min(shape) < 0:
        raise DamagedError(f"a matrix of shape {tuple(shape)}")
    name = bytes(_next_part(parts)[1]).decode("latin-1")
    size = math.prod(shape)
    if kind == _CELL:
        return name, Cells(_read_matrices(parts, order, depth, size))
    if kind == _STRUCT:
        return name, _read_struct(parts, order, depth, size)
    if flags[0] & _COMPLEX:
        return name, Other("complex numbers")
    if kind in (_CHAR, _SPARSE):
        return name, Other("text" if kind == _CHAR else "a sparse matrix")
    if kind not in _NUMERIC:
        raise DamagedError(f"a matrix of class {kind}")
    numbers = _numbers(_next_part(parts), order)
    if len(numbers) != size:
        raise DamagedError(f"{len(numbers)} numbers in a matrix of shape {tuple(shape)}")
    return name, numbers.astype(_NUMERIC[kind]).reshape(shape, order="F")


def _read_struct(parts: Iterator[_Element], order: str, depth: int, size: int) -> Value:
    """Return a struct of one record, or ``Other`` where it has another number of records."""
    # All field names have one width and are filled with zeros: width 4, "xy\0\0" "num\0" -> ["xy", "num"]
    width = _integers(_next_part(parts), order)
    names = bytes(_next_part(parts)[1])
    if len(width) != 1 or width[0] < 1 or len(names) % width[0]:
        raise DamagedError("a struct whose field names have no length")
    fields = [names[i : i + width[0]].split(b"\0")[0].decode("latin-1") for i in range(0, len(names), width[0])]
    values = _read_matrices(parts, order, depth, size * len(fields))
    return Struct(dict(zip(fields, values, strict=True))) if size == 1 else Other(f"an array of {size} structs")


def _read_matrices(parts: Iterator[_Element], order: str, depth: int, size: int) -> list[Value]:
    """Return the values of cells or fields, which must be ``size`` matrices."""
    elements = list(parts)
    if len(elements) != size or any(kind != _MATRIX for kind, _ in elements):
        raise DamagedError(f"{len(elements)} values where {size} are expected")
    return [_read_matrix(content, order, depth + 1)[1] for _, content in elements]


def _next_part(parts: Iterator[_Element]) -> _Element:
    part = next(parts, None)
    if part is None:
        raise DamagedError("a variable ends too early")
    return part


def _numbers(part: _Element, order: str) -> NDArray[Any]:
    kind, content = part
    if kind not in _STORED or len(content) % int(_STORED[kind][1]):
        raise DamagedError(f"{len(content)} bytes of type {kind} where numbers are expected")
    return np.frombuffer(content, dtype=order + _STORED[kind])


def _integers(part: _Element, order: str) -> list[int]:
    numbers = _numbers(part, order)
    if numbers.dtype.kind not in "iu":
        raise DamagedError("fractions where whole numbers are expected")
    integers: list[int] = numbers.tolist()
    return integers
