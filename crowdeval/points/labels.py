"""The text of a number, and of the value of an attribute: what names a group of images."""

from __future__ import annotations

import math
from typing import Any

EMPTY = "(empty)"
"""What a group whose value is the empty text is called."""


def number_text(value: float) -> str:
    """Return the shortest text of a number that reads back equal; whole numbers without a point.

    >>> number_text(8.0), number_text(0.05), number_text(1e300)
    ('8', '0.05', '1e300')
    """
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
    return str(int(value)) if whole else repr(float(value)).replace("e+", "e")


def label_text(value: Any) -> str | None:
    """Return the text that names an attribute's value; None where it is unknown (None, NaN).

    The type does not matter, so that 1, 1.0 and "1" are one group.

    >>> label_text(1), label_text(1.0), label_text("1"), label_text(0.5), label_text(float("nan"))
    ('1', '1', '1', '0.5', None)
    """
    if value is None or value != value:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number_text(value)
    return str(value) or EMPTY


def label_order(label: str) -> tuple[bool, float, bytes]:
    """Return the key that sorts labels: numbers in rising order, then text by UTF-8.

    >>> sorted(["b", "10", "2", "a", "1e3"], key=label_order)
    ['2', '10', '1e3', 'a', 'b']
    """
    try:
        number = float(label)
    except ValueError:
        number = math.nan
    return math.isnan(number), 0.0 if math.isnan(number) else number, label.encode(errors="surrogatepass")
