"""The bytes of a MATLAB file of version 5 to 7 -> numbers, cells and structs; nothing else gets in.

scipy.io.loadmat reads more, but a damaged byte in the wrong place makes it crash the process (SciPy 1.17), which
no file of a user may do. Here every length is checked against what is there. Objects, function handles and opaque
values are refused; text, sparse and complex matrices become ``Other``, a value without content.

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
    """A cell array, flat in column order."""

    values: list[Value]


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct of one record; an array of structs is ``Other``."""

    fields: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Other:
    """Something that is no real matrix of numbers: what it is called."""

    kind: str


Value: TypeAlias = "NDArray[Any] | Cells | Struct | Other"


class DamagedError(ValueError):
    """The bytes are not a whole MATLAB file."""


class RefusedError(ValueError):
    """The file holds code or objects."""


HEADER = 128

_LARGEST = 1 << 28
_DEEPEST = 20
_COMPRESSED, _MATRIX = 15, 14
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_REFUSED = {_OBJECT: "an object", _FUNCTION: "a function handle", _OPAQUE: "an object"}
_COMPLEX = 0x0800


def variables_of(data: bytes) -> dict[str, Value]:
    """Return the variables of a MATLAB file by name.

    Raises
    ------
    DamagedError
        If the bytes are not a whole file of version 5 to 7.
    RefusedError
        If it holds code or objects, wherever.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[HEADER - 2 : HEADER])
    if order is None:
        raise DamagedError("no header of a MATLAB file")
    variables: dict[str, Value] = {}
    for kind, content in _elements(memoryview(data)[HEADER:], order):
        if kind == _COMPRESSED:
            inner = list(_elements(memoryview(_unpacked(content)), order))
            if len(inner) != 1:
                raise DamagedError(f"{len(inner)} variables in the place of one")
            kind, content = inner[0]
        if kind != _MATRIX:
            raise DamagedError(f"an element of type {kind} in the place of a variable")
        name, value = _matrix(content, order, 0)
        if not name:
            raise RefusedError("a function workspace")
        variables[name] = value
    return variables


def _unpacked(content: memoryview) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(content, _LARGEST)
    except zlib.error as problem:
        raise DamagedError(str(problem)) from None
    if not stream.eof:
        reason = f"more than {_LARGEST:,} bytes" if stream.unconsumed_tail else "the end of the file too soon"
        raise DamagedError(reason)
    return data


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Yield type and content of the elements that follow one another."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise DamagedError("the end of the file too soon")
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # a small element: size and type in one word, up to four bytes in the next
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
            if size > 4:
                raise DamagedError(f"a small element of {size} bytes")
        else:
            start = at + 8
            step = 8 + size + (0 if kind == _COMPRESSED else -size % 8)
        if start + size > len(data):
            raise DamagedError("the end of the file too soon")
        yield kind, data[start : start + size]
        at += step


def _matrix(content: memoryview, order: str, depth: int) -> tuple[str, Value]:
    """Return name and value of a matrix element."""
    if depth > _DEEPEST:
        raise DamagedError(f"cells nested deeper than {_DEEPEST}")
    if not len(content):
        return "", np.empty((0, 0))
    parts = _elements(content, order)
    flags = _integers(_next(parts), order)
    if not flags:
        raise DamagedError("a matrix without flags")
    kind = flags[0] & 0xFF
    if kind in _REFUSED:
        raise RefusedError(_REFUSED[kind])
    shape = _integers(_next(parts), order)
    if len(shape) < 2 or min(shape) < 0:
        raise DamagedError(f"a matrix of shape {tuple(shape)}")
    name = bytes(_next(parts)[1]).decode("latin-1")
    size = math.prod(shape)
    if kind == _CELL:
        return name, Cells(_matrices(parts, order, depth, size))
    if kind == _STRUCT:
        return name, _struct(parts, order, depth, size)
    if flags[0] & _COMPLEX:
        return name, Other("complex numbers")
    if kind in (_CHAR, _SPARSE):
        return name, Other("text" if kind == _CHAR else "a sparse matrix")
    if kind not in _NUMERIC:
        raise DamagedError(f"a matrix of class {kind}")
    numbers = _numbers(_next(parts), order)
    if len(numbers) != size:
        raise DamagedError(f"{len(numbers)} numbers in a matrix of shape {tuple(shape)}")
    return name, numbers.astype(_NUMERIC[kind]).reshape(shape, order="F")


def _struct(parts: Iterator[tuple[int, memoryview]], order: str, depth: int, size: int) -> Value:
    width = _integers(_next(parts), order)
    names = bytes(_next(parts)[1])
    if len(width) != 1 or width[0] < 1 or len(names) % width[0]:
        raise DamagedError("a struct whose field names have no length")
    fields = [names[i : i + width[0]].split(b"\0")[0].decode("latin-1") for i in range(0, len(names), width[0])]
    values = _matrices(parts, order, depth, size * len(fields))
    return Struct(dict(zip(fields, values, strict=True))) if size == 1 else Other(f"an array of {size} structs")


def _matrices(parts: Iterator[tuple[int, memoryview]], order: str, depth: int, size: int) -> list[Value]:
    found = list(parts)
    if len(found) != size or any(kind != _MATRIX for kind, _ in found):
        raise DamagedError(f"{len(found)} values in the place of {size}")
    return [_matrix(content, order, depth + 1)[1] for _, content in found]


def _next(parts: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    part = next(parts, None)
    if part is None:
        raise DamagedError("the end of a variable too soon")
    return part


def _numbers(part: tuple[int, memoryview], order: str) -> NDArray[Any]:
    kind, content = part
    if kind not in _STORED or len(content) % int(_STORED[kind][1]):
        raise DamagedError(f"{len(content)} bytes of type {kind} in the place of numbers")
    return np.frombuffer(content, dtype=order + _STORED[kind])


def _integers(part: tuple[int, memoryview], order: str) -> list[int]:
    numbers = _numbers(part, order)
    if numbers.dtype.kind not in "iu":
        raise DamagedError("fractions in the place of whole numbers")
    whole: list[int] = numbers.tolist()
    return whole
