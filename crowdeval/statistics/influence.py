"""Standard errors without a seed: how a metric changes when one image, or one cluster of images, is left out.

With the changes d of n units, the standard error is sqrt((n - 1) / n sum (d - mean d)^2), the jackknife (Tukey 1958;
Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982). For a mean it is the textbook's s / sqrt(n). The
``LEFT_OUT`` units with the largest influence are left out in fact, the others by their derivative.

The effective number of units is n_eff = (sum d^2)^2 / sum d^4: where one image carries the variance it is near 1,
however many images there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdeval.points.ragged import Floats
from crowdeval.statistics.contract import Sums
from crowdeval.statistics.quantities import Number, Numbers

CARRIES = 0.2
"""Share of the variance from which an image is named."""

LEFT_OUT = 64
"""Number of units that are left out in fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The standard error of a number, or of the difference of two.

    Attributes
    ----------
    size : float
        The standard error.
    units : int
        Number of images, or clusters, that the metric reads.
    effective : float
        Effective number of units.
    heaviest : str
        The unit with the largest share of the variance.
    share : float
        This share.
    without : float
        The number without that unit.
    """

    size: float
    units: int
    effective: float
    heaviest: str
    share: float
    without: float


def errors_of(numbers: Numbers, keys: Sequence[str] | None = None) -> tuple[dict[str, Error], dict[str, str]]:
    """Return the standard errors of numbers, and the reasons why others have none.

    Parameters
    ----------
    numbers : Numbers
        The numbers of a report.
    keys : sequence of str, optional
        Their keys; by default all.

    Returns
    -------
    errors : dict of str to Error
    reasons : dict of str to str

    Examples
    --------
    >>> from crowdeval.statistics.ratios import Ratios
    >>> from crowdeval.statistics.contract import Units
    >>> numbers = Numbers(Units(("a", "b", "c"), np.arange(3)))
    >>> sums = Ratios(numbers.units)
    >>> sums.add("MAE", [(np.array([1.0, 2.0, 6.0]), np.ones(3), "error", "images")])
    >>> numbers.by_key["MAE"] = Number(key="MAE", value=3.0, sums=sums, read=np.ones(3, dtype=bool), scale="plain",
    ...                                least=0.0, most=np.inf)
    >>> error = errors_of(numbers)[0]["MAE"]
    >>> round(error.size, 4), error.heaviest, round(error.share, 2), error.without  # 7^0.5 / 3^0.5
    (1.5275, 'c', 0.64, 1.5)
    """
    wanted = [key for key in numbers.by_key if keys is None or key in keys]
    reasons = {key: text for key, text in numbers.without.items() if keys is None or key in keys}
    reasons |= {key: reason for key in wanted if (reason := no_error(numbers, numbers.by_key[key]))}
    changes = changes_of(numbers, [key for key in wanted if key not in reasons])
    errors = {key: error_from(change, numbers, numbers.by_key[key]) for key, change in changes.items()}
    return errors, {key: reasons[key] for key in [*numbers.by_key, *reasons] if key in reasons}


def no_error(numbers: Numbers, number: Number) -> str:
    """Return the reason why a number has no standard error; empty where it has one.

    Parameters
    ----------
    numbers : Numbers
        The numbers of a report.
    number : Number
        One of them.

    Returns
    -------
    str
    """
    units = int(number.read.sum())
    if units < 2:
        return "it reads one image" if len(numbers.units) == len(numbers.units.of_image) else "it reads one cluster"
    lone = number.sums.undefined_without(number.key)
    return f"without {numbers.units.names[lone[0]]} it is undefined" if len(lone) else ""


def changes_of(numbers: Numbers, keys: Sequence[str]) -> dict[str, Floats]:
    """Return by how much numbers fall when a unit is left out.

    Parameters
    ----------
    numbers : Numbers
        The numbers of a report.
    keys : sequence of str
        Their keys; each is defined without any one unit.

    Returns
    -------
    dict of str to array, (n,)
        0 for units that the number does not read.
    """
    found: dict[str, Floats] = {}
    for sums, own in by_sums(numbers, keys):
        replicates = sums.replicates(np.ones((1, len(numbers.units))), own, influences=True)
        slopes = {key: _slopes(replicates[key].influences) for key in own}
        # Each unit that is among the heaviest of a metric is left out for all of them.
        heavy = {unit for slope in slopes.values() for unit in np.argsort(-np.abs(slope))[:LEFT_OUT].tolist()}
        units = np.array(sorted(heavy), dtype=np.int64)
        without = sums.without(units, own)
        for key in own:
            read = numbers.by_key[key].read
            n = int(read.sum())
            change = slopes[key] * (n / (n - 1))
            change[units] = replicates[key].values[0] - without[key]
            found[key] = np.where(read, change, 0.0)
    return {key: found[key] for key in keys}


def _slopes(influences: Floats | None) -> Floats:
    assert influences is not None, "they were asked for"
    slopes: Floats = np.nan_to_num(influences[0])
    return slopes


def by_sums(numbers: Numbers, keys: Sequence[str]) -> list[tuple[Sums, list[str]]]:
    """Return the keys that share columns, together.

    Parameters
    ----------
    numbers : Numbers
        The numbers of a report.
    keys : sequence of str
        Their keys.

    Returns
    -------
    list of (Sums, list of str)
    """
    groups: dict[int, list[str]] = {}
    for key in keys:
        groups.setdefault(id(numbers.by_key[key].sums), []).append(key)
    return [(numbers.by_key[own[0]].sums, own) for own in groups.values()]


def is_flat(change: Floats, number: Number) -> bool:
    """Return whether a number falls by the same, whichever unit is left out; rounding is no difference.

    Parameters
    ----------
    change : array of float, (n,)
        By how much the number, or a difference, falls when a unit is left out.
    number : Number
        The number; of a difference, one of the two.

    Returns
    -------
    bool
    """
    return bool(np.ptp(change[number.read]) <= 1e-12 * max(1.0, abs(number.value)))


def error_from(change: Floats, numbers: Numbers, number: Number, *, value: float | None = None) -> Error:
    """Return the standard error from the changes of a number, or of the difference of two.

    Parameters
    ----------
    change : array of float, (n,)
        By how much the number falls when a unit is left out.
    numbers : Numbers
        The units.
    number : Number
        The number; of a difference, one of the two.
    value : float, optional
        The difference, in place of the number's value.

    Returns
    -------
    Error
    """
    own = change[number.read]
    squares = np.zeros(len(own)) if is_flat(change, number) else (own - own.mean()) ** 2
    total = float(squares.sum())
    place = int(squares.argmax())
    heaviest = int(np.flatnonzero(number.read)[place])
    units = len(own)
    return Error(
        size=float(np.sqrt(total * (units - 1) / units)),
        units=units,
        effective=total**2 / float((squares**2).sum()) if total else 0.0,
        heaviest=numbers.units.names[heaviest],
        share=float(squares[place]) / total if total else 0.0,
        without=(number.value if value is None else value) - float(change[heaviest]),
    )
