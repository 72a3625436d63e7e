"""Text of numbers and of attribute values, which name groups of images, and the orders in which names are sorted."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

_NUMBER = re.compile(r"([0-9]+)")

EMPTY = "(empty)"
"""Name of the group of images whose value is the empty text."""


def number_text(value: float) -> str:
    """Return the shortest text from which the same number is read back; whole numbers have no decimal point.

    Parameters
    ----------
    value : float
        Any number.

    Returns
    -------
    str

    Examples
    --------
    >>> number_text(8.0), number_text(0.05), number_text(1e300)
    ('8', '0.05', '1e300')
    """
    # Larger whole numbers keep the form of repr, which has an exponent from 1e16 on.
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
    return str(int(value)) if whole else repr(float(value)).replace("e+", "e")


def label_text(value: Any) -> str | None:
    """Return the text that names the value of an attribute.

    The type of the value does not matter: 1, 1.0, Decimal("1.0") and "1" are one group.

    Parameters
    ----------
    value : object
        Value of an attribute.

    Returns
    -------
    str or None
        None where the value is unknown (None, NaN, pandas.NA).

    Examples
    --------
    >>> label_text(1), label_text(1.0), label_text("1"), label_text(0.5), label_text(float("nan"))
    ('1', '1', '1', '0.5', None)
    """
    if value is None or type(value).__name__ == "NAType" or value != value:  # only NaN differs from itself
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Integral):
        # A whole number that no float holds, 2**53 + 1, must not take the text of its neighbour.
        return number_text(float(value)) if abs(int(value)) < 1 << 1023 and float(value) == value else str(int(value))
    if isinstance(value, Real | Decimal):
        return number_text(float(value))
    # Half a character, as JSON can hold in "\\ud800", can't be written anywhere: it is spelt out.
    return str(value).encode("utf-8", "backslashreplace").decode() or EMPTY


def label_order(label: str) -> tuple[bool, float, bytes]:
    """Return the key by which labels are sorted: numbers in rising order, then other text by its UTF-8 bytes.

    Parameters
    ----------
    label : str
        Label of a group.

    Returns
    -------
    (bool, float, bytes)

    Examples
    --------
    >>> sorted(["b", "10", "2", "a", "1e3"], key=label_order)
    ['2', '10', '1e3', 'a', 'b']
    """
    try:
        number = float(label)
    except ValueError:
        number = math.nan
    return math.isnan(number), 0.0 if math.isnan(number) else number, label.encode(errors="surrogatepass")


def natural_key(name: str) -> tuple[tuple[object, ...], str]:
    """Return the sort key of natural order, in which numbers inside names are compared by value.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    tuple
        A key that can be compared with the keys of all other names.

    Examples
    --------
    >>> sorted(["IMG_10", "IMG_2", "IMG_1"], key=natural_key)
    ['IMG_1', 'IMG_2', 'IMG_10']
    """
    # split() with a group returns text and digits in turn, so that equal positions always hold equal types:
    # "IMG_10.x" -> ["IMG_", "10", ".x"] -> ("img_", (2, "10"), ".x")
    parts = _NUMBER.split(name)
    return tuple(_magnitude(part) if i % 2 else part.casefold() for i, part in enumerate(parts)), name


def _magnitude(digits: str) -> tuple[int, str]:
    """Return a key that sorts whole numbers of any length by value."""
    # int() refuses more than 4300 digits; without leading zeros, longer numbers are larger: "007" -> (1, "7")
    significant = digits.lstrip("0")
    return len(significant), significant
