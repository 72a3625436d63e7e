"""Options that hold several numbers: ``-o mean=0.485,0.456,0.406``."""

from __future__ import annotations

import math

from crowdeval.errors import UsageError


def numbers(option: str, text: str, *, lengths: tuple[int, ...] | None = None, above: float = -math.inf) -> list[float]:
    """Return the comma-separated numbers of an option.

    Parameters
    ----------
    option : str
        The option, for the message.
    text : str
        Its value.
    lengths : tuple of int, optional
        The valid numbers of numbers; any by default.
    above : float
        The limit that every number has to exceed.

    Returns
    -------
    list of float

    Raises
    ------
    UsageError
        If a part is not a finite number above the limit, or their number is not valid.

    Examples
    --------
    >>> numbers("scales", "1, 2, 3", above=0)
    [1.0, 2.0, 3.0]
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or (lengths and len(values) not in lengths) or not all(above < value < math.inf for value in values):
        expected = f"{' or '.join(str(length) for length in lengths)} numbers" if lengths else "numbers"
        limit = f" above {above:g}" if above > -math.inf else ""
        raise UsageError(f"-o {option}={text}: expected {expected}{limit} with commas between them")
    return values
