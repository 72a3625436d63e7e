"""The grammar of metric strings, and of the ranges of thresholds in them.

A metric string is ``NAME``, followed by any of these parts, in this order:

- ``(ORDER)``: ``GAME(2)``;
- ``[LEVEL]``: ``MAE[S]``;
- ``@THRESHOLD``: ``nAP@0.25``, ``F1@sigma_l``, ``AP@8px``;
- `` by GROUP``: ``MAE by weather``, ``Recall@sigma_l by level``.

The thresholds are given in one of three ways:

- a range ``a:s:b``, which means a, a + s, ..., b, with b included;
- a list with commas, ``0.05,0.25``;
- a single number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from crowdeval.errors import UsageError
from crowdeval.points.labels import number_text as number_text

_STRING = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9-]*)(?:\((?P<order>\d+)\))?(?:\[(?P<level>[^\]\s]+)\])?"
    r"(?:@(?P<at>\S+))?(?: by (?P<by>\S.*))?"
)

LONGEST = 500
"""Maximum number of characters of a metric string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One parsed metric string; a part that the string does not have is None.

    Attributes
    ----------
    name : str
        ``"nAP"``, ``"MAE"``, ...
    order : str, optional
        The order of the grid of GAME: ``"2"``.
    level : str, optional
        The levels that NWPU-Crowd's means go over: ``"S"`` or ``"L"``.
    at : str, optional
        The thresholds: ``"0.25"``, ``"8px"``, ``"sigma_l"``, ``"1:1:100px"``.
    by : str, optional
        The groups that the metric is broken down by: ``"weather"``.

    Examples
    --------
    >>> str(Metric.parse("Recall@sigma_l by level"))
    'Recall@sigma_l by level'
    """

    name: str
    order: str | None = None
    level: str | None = None
    at: str | None = None
    by: str | None = None

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Return the parts of a metric string.

        Parameters
        ----------
        text : str
            The metric string; blanks around it are ignored.

        Returns
        -------
        Metric
            Only the grammar is checked: whether a name or a part is known, its family decides (``canonical``).

        Raises
        ------
        UsageError
            If the text is not a metric string, or has more than ``LONGEST`` characters.

        Examples
        --------
        >>> Metric.parse("nAP@0.25").at
        '0.25'
        """
        match = _STRING.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"{text!r} is not a metric string; expected NAME, NAME@THRESHOLD, NAME[LEVEL], NAME(ORDER) or "
                "NAME by GROUP, such as nAP@0.25"
            )
        if len(text) > LONGEST:
            raise UsageError(
                f"{text[:40]!r}...: a metric string has at most {LONGEST} characters, this one has {len(text)}"
            )
        return cls(**match.groupdict())

    def __str__(self) -> str:
        text = self.name
        text += f"({self.order})" if self.order is not None else ""
        text += f"[{self.level}]" if self.level is not None else ""
        text += f"@{self.at}" if self.at is not None else ""
        return text + (f" by {self.by}" if self.by is not None else "")

    def plain(self, *allowed: Literal["order", "level", "at", "by"]) -> Metric:
        """Return this metric, after a check that it has no part except the allowed ones.

        Parameters
        ----------
        *allowed : str
            Names of parts: ``"order"``, ``"level"``, ``"at"``, ``"by"``.

        Returns
        -------
        Metric
            The same metric.

        Raises
        ------
        UsageError
            If another part is present; the message names it.

        Examples
        --------
        >>> Metric.parse("nAP@0.25").plain("at").name
        'nAP'
        """
        for part in ("order", "level", "at", "by"):
            if part not in allowed and getattr(self, part) is not None:
                raise UsageError(f"{str(self)!r}: {self.name} takes no {_PARTS[part]}")
        return self


_PARTS = {"order": "(ORDER)", "level": "[LEVEL]", "at": "@THRESHOLD", "by": "'by GROUP'"}

MOST = 1000
"""Maximum number of thresholds; a longer range is taken for a mistake."""


def parse_range(value: str | float | Iterable[float], *, name: str = "delta") -> tuple[float, ...]:
    """Return the thresholds in rising order.

    Parameters
    ----------
    value : str, float or iterable of float
        ``"0.05:0.05:0.5"`` (built from integer steps, rounded to 12 decimals), ``"0.05,0.25"``, ``"0.5"``, or
        the numbers themselves.
    name : str
        Name of the option or metric, for the error message.

    Returns
    -------
    tuple of float
        At least one and at most ``MOST`` thresholds.

    Raises
    ------
    UsageError
        If a threshold is not positive and finite, if one repeats, if there are none or too many, or if ``b`` is not
        reached from ``a`` in steps of ``s``.

    Examples
    --------
    >>> parse_range("0.05:0.05:0.2")
    (0.05, 0.1, 0.15, 0.2)
    """
    if isinstance(value, str):
        values = _steps(value, name) if ":" in value else [_number(part, value, name) for part in value.split(",")]
    else:
        many = isinstance(value, Iterable)
        values = [_number(part, value, name) for part in (value if isinstance(value, Iterable) else [value])]
        values = [_rounded(number) for number in values] if many else values
    if not values:
        raise UsageError(f"{name}: expected at least one threshold, found none")
    if len(values) > MOST:
        raise UsageError(f"{name}: expected at most {MOST} thresholds, found {len(values)}")
    if min(values) <= 0:
        raise UsageError(f"{name}: expected positive thresholds, found {min(values)}")
    if len(set(values)) < len(values):
        raise UsageError(f"{name}: expected each threshold once, found one of them twice in {value!r}")
    return tuple(sorted(values))


def range_text(values: Sequence[float]) -> str:
    """Return the shortest text that parses back to these thresholds.

    Parameters
    ----------
    values : sequence of float
        Thresholds in rising order.

    Returns
    -------
    str
        A range ``a:s:b`` where that gives exactly these values, else a list with commas.

    Examples
    --------
    >>> range_text((0.05, 0.1, 0.15, 0.2)), range_text((0.05, 0.25, 0.5)), range_text((8.0,))
    ('0.05:0.05:0.2', '0.05,0.25,0.5', '8')
    """
    if len(values) > 2:
        step = round(values[1] - values[0], 12)
        text = f"{number_text(values[0])}:{number_text(step)}:{number_text(values[-1])}"
        try:
            if parse_range(text) == tuple(values):
                return text
        except UsageError:
            pass
    return ",".join(number_text(value) for value in values)


def pixels(metric: Metric, example: str) -> tuple[float, ...]:
    """Return the radii of ``NAME@8px`` or ``NAME@1:1:100px``.

    Parameters
    ----------
    metric : Metric
        The metric string.
    example : str
        Thresholds that the metric accepts, for the error message; empty if the string was checked before.

    Returns
    -------
    tuple of float
        Radii in pixels, in rising order.

    Raises
    ------
    UsageError
        If the number or the unit ``px`` is missing.

    Examples
    --------
    >>> pixels(Metric.parse("L-F1@1:1:3px"), "1:1:100px")
    (1.0, 2.0, 3.0)
    """
    if metric.at is None or not metric.at.endswith("px"):
        raise UsageError(f"{str(metric)!r}: expected {metric.name}@ followed by {example}")
    return parse_range(metric.at.removesuffix("px"), name=str(metric))


def pixels_text(radii: Sequence[float]) -> str:
    """Return the shortest spelling of radii.

    Parameters
    ----------
    radii : sequence of float
        Radii in pixels, in rising order.

    Returns
    -------
    str
        The radii as they stand in a metric string.

    Examples
    --------
    >>> pixels_text((8.0,)), pixels_text((1.0, 2.0, 3.0))
    ('8px', '1:1:3px')
    """
    return f"{range_text(radii)}px"


def _number(part: object, whole: object, name: str) -> float:
    """Return a finite number; raise UsageError, which shows the whole range, where ``part`` is not one."""
    try:
        number = float(part)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"{name}: expected a number, a list a,b,c or a range a:s:b, found {whole!r}") from None
    if not math.isfinite(number):
        raise UsageError(f"{name}: expected finite numbers, found {whole!r}")
    return number


def _rounded(number: float) -> float:
    """Return the number that was meant where adding steps left an error: 0.15000000000000002 -> 0.15."""
    near = round(number, 12)
    return near if math.isclose(near, number, rel_tol=1e-14) else number


def _steps(text: str, name: str) -> list[float]:
    """Return the thresholds of a range ``a:s:b``."""
    parts = [_number(part, text, name) for part in text.split(":")]
    if len(parts) != 3:
        raise UsageError(f"{name}: expected a range a:s:b (start, step, end), found {text!r}")
    start, step, end = parts
    if step <= 0 or end < start:
        raise UsageError(f"{name}: expected a positive step and an end not below the start, found {text!r}")
    if (end - start) / step >= MOST:
        raise UsageError(f"{name}: expected at most {MOST} thresholds, found {text!r}")
    steps = round((end - start) / step)
    if not steps and step > start:
        right = ":".join(map(number_text, (start, end, step)))
        raise UsageError(
            f"{name}: a range is start:step:end, so {text!r} is {number_text(start)} alone; from {number_text(start)} "
            f"to {number_text(step)} is {right}"
        )
    if abs(start + steps * step - end) > 1e-9 * max(1.0, abs(end)):
        ends = [
            number_text(round(start + n * step, 12)) for n in (int((end - start) / step), int((end - start) / step) + 1)
        ]
        raise UsageError(
            f"{name}: the range {text!r} does not reach its end in whole steps; end it at {ends[0]} or {ends[1]}"
        )
    # From whole steps, not by adding: 0.05:0.05:0.2 -> [0.05, 0.1, 0.15, 0.2], although 0.1 + 0.05 is not 0.15 in
    # float64.
    return [round(start + n * step, 12) for n in range(steps + 1)]


def signature_fields(signature: str) -> tuple[str, dict[str, str]]:
    """Return the head of a signature and its fields; ``Protocol.parse`` checks them, this function does not.

    Parameters
    ----------
    signature : str
        A line such as ``crowdeval@2|k:3|lone:inf``.

    Returns
    -------
    (str, dict of str to str)
        The head, with the revision of the definitions, and value by key.

    Examples
    --------
    >>> signature_fields("crowdeval@2|k:3|lone:inf")
    ('crowdeval@2', {'k': '3', 'lone': 'inf'})
    """
    head, *parts = signature.split("|")
    return head, dict(part.partition(":")[::2] for part in parts)
