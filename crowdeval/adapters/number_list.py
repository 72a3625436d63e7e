"""Options that hold several numbers: ``-o mean=0.485,0.456,0.406``."""

from __future__ import annotations

import math

from crowdeval.errors import UsageError


def numbers(option: str, text: str, *, lengths: tuple[int, ...] | None = None, above: float = -math.inf) -> list[float]:
    """Return the comma-separated numbers of an option; UsageError where they are not what is expected.

    >>> numbers("scales", "1, 2, 3", above=0)
    [1.0, 2.0, 3.0]
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    wanted = f"{' or '.join(str(length) for length in lengths)} numbers" if lengths else "numbers"
    if not values or (lengths and len(values) not in lengths) or not all(above < value < math.inf for value in values):
        limit = f" above {above:g}" if above > -math.inf else ""
        raise UsageError(f"-o {option}={text}: expected {wanted}{limit} with commas between them")
    return values
