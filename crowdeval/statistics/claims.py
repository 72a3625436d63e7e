r"""What two published numbers show, from the numbers alone.

Formula
    The errors \|z' - z\| of a method have the mean MAE and the mean square MSE^2 (the tables' "MSE" is the root), so
    s^2 = MSE^2 - MAE^2 is their variance on the test set, exactly. With the correlation r between the errors of the two
    methods, the difference of their MAEs has the standard error

        SE = sqrt((s1^2 + s2^2 - 2 r s1 s2) / (n - 1)).

    r is not published. It was .57 to .96 in 22 pairs of systems on real test sets; SE is given for r = .6 to .95, and
    the r above which the difference would be significant at the level 0.05 (Student's t).

Spread
    Without MSE, the spread is known for three test sets, as the median of s / MAE over published methods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from crowdeval.errors import UsageError, listed

SPREADS = {"shanghaitech-a:test": 1.25, "shanghaitech-b:test": 1.22, "ucf-qnrf:test": 1.43}
"""Test set to the median of s / MAE over the methods of the published tables, 9 or more of each."""

SIZES = {"shanghaitech-a:test": 182, "shanghaitech-b:test": 316, "ucf-qnrf:test": 334}
"""Test set to its number of images."""

CORRELATIONS = (0.6, 0.7, 0.8, 0.9, 0.95)
"""The correlations for which the standard error is given."""

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Two published mean absolute errors.

    Attributes
    ----------
    a, b : float
        The two MAEs.
    spreads : (float, float)
        The standard deviation of the absolute errors of each method.
    images : int
        Number of images of the test set.
    known : bool
        Whether the spreads come from published MSEs; otherwise from other methods.
    """

    a: float
    b: float
    spreads: tuple[float, float]
    images: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What two published numbers show.

    Attributes
    ----------
    claim : Claim
        The two numbers.
    errors : tuple of (float, float, float)
        Correlation, standard error of the difference, and p-value.
    break_even : float
        The correlation above which the difference is significant; above 1 where it never is, below 0 where it always is
        for methods whose errors agree at all.
    """

    claim: Claim
    errors: tuple[tuple[float, float, float], ...]
    break_even: float


def parse_claim(text: str, mse: str | None, images: int | None, dataset: str | None = None) -> Claim:
    """Return two published numbers from the texts of the options.

    Parameters
    ----------
    text : str
        ``MAE=52.74,50.29``.
    mse : str or None
        ``85.06,81.01``; None where the spread of the test set is known.
    images : int or None
        Number of images; None where the test set is known.
    dataset : str, optional
        The test set, ``NAME`` or ``NAME:SPLIT``.

    Returns
    -------
    Claim

    Raises
    ------
    UsageError
        If a number is missing or impossible, or the metric has no known variance.

    Examples
    --------
    >>> claim = parse_claim("MAE=52.74,50.29", "85.06,81.01", 182)
    >>> [round(spread, 2) for spread in claim.spreads]
    [66.74, 63.51]
    """
    name, _, numbers = text.rpartition("=")
    metric = name.strip() or "MAE"
    if metric.upper() != "MAE":
        raise UsageError(
            f"--claim {metric}: its variance does not follow from published numbers; only that of MAE does, with MSE"
        )
    a, b = _two("--claim", numbers)
    test_set = next((own for own in SPREADS if dataset in (own, own.partition(":")[0])), None)
    if dataset is not None and test_set is None and mse is None:
        raise UsageError(f"--truth {dataset}: the spread is known for {listed(SPREADS)}; give --mse A,B")
    count = images if images is not None else SIZES.get(test_set or "")
    if count is None:
        raise UsageError("--claim: expected --images N, the number of test images, or --truth shanghaitech-a")
    if count < 2:
        raise UsageError(f"--images: expected 2 or more, found {count}")
    if mse is not None:
        squares = [(root, own) for root, own in zip(_two("--mse", mse), (a, b), strict=True)]
        for root, own in squares:
            if root < own:
                raise UsageError(f"--mse: a root mean squared error is never below the MAE, found {root:g} and {own:g}")
        spreads = [math.sqrt(root**2 - own**2) for root, own in squares]
    elif test_set is not None:
        spreads = [SPREADS[test_set] * own for own in (a, b)]
    else:
        raise UsageError(
            f"--claim: expected --mse A,B; without it the spread is known for --truth {', '.join(SPREADS)} only"
        )
    return Claim(a=a, b=b, spreads=(spreads[0], spreads[1]), images=count, known=mse is not None)


def judge(claim: Claim, correlation: float | None = None) -> Judgement:
    """Return what two published numbers show.

    Parameters
    ----------
    claim : Claim
        The two numbers.
    correlation : float, optional
        The correlation of the errors of the two methods, where it is known.

    Returns
    -------
    Judgement

    Raises
    ------
    UsageError
        If the correlation is not between -1 and 1.

    Examples
    --------
    >>> judged = judge(parse_claim("MAE=52.74,50.29", "85.06,81.01", 182))
    >>> round(judged.break_even, 3), [round(error, 2) for _, error, _ in judged.errors]
    (0.968, [4.33, 3.76, 3.07, 2.18, 1.55])
    """
    from scipy.special import stdtr, stdtrit

    if correlation is not None and not -1 <= correlation <= 1:
        raise UsageError(f"--r: expected a correlation from -1 to 1, found {correlation:g}")
    s, other = claim.spreads
    freedom, difference = claim.images - 1, claim.a - claim.b
    errors = []
    for r in CORRELATIONS if correlation is None else (correlation,):
        error = math.sqrt(max(s**2 + other**2 - 2 * r * s * other, 0.0) / freedom)
        p = float(2 * stdtr(freedom, -abs(difference) / error)) if error else float(difference == 0)
        errors.append((r, error, p))
    quantile = float(stdtrit(freedom, 1 - ALPHA / 2))
    allowed = (difference / quantile) ** 2 * freedom
    surplus = s**2 + other**2 - allowed
    # Where the errors of a method don't vary, no correlation changes anything.
    alone = -math.inf if surplus <= 0 and difference else math.inf
    break_even = surplus / (2 * s * other) if s and other else alone
    return Judgement(claim=claim, errors=tuple(errors), break_even=break_even)


def _two(option: str, text: str) -> tuple[float, float]:
    """Return the two numbers of a text A,B."""
    parts: Sequence[str] = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 2 or not all(0 <= number < math.inf for number in numbers):
        raise UsageError(f"{option}: expected two numbers of at least 0, such as 52.74,50.29, found {text!r}")
    return numbers[0], numbers[1]
