"""The grammar of metric strings, and of the ranges of thresholds in them.

A metric string is ``NAME``, then optionally ``(ORDER)``, ``[LEVEL]``, ``@THRESHOLD`` and `` by GROUP``: ``nAP``,
``nAP@0.25``, ``MAE``, ``MAE[S]``, ``F1@sigma_l``, ``Recall@sigma_l by level``, ``GAME(2)``. A range of thresholds is
``a:s:b``, which is a, a + s, ..., b with b included; a comma list; or a single number.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One parsed metric string.

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
        """Return the parts of a metric string; raise UsageError where it is none."""
        match = _STRING.fullmatch(text.strip())
        if match is None:
            raise UsageError(f"{text!r} is not a metric string (NAME, NAME@THRESHOLD, NAME by GROUP, ...)")
        if len(text) > LONGEST:
            raise UsageError(f"{text[:40]!r}...: a metric string has at most {LONGEST} characters")
        return cls(**match.groupdict())

    def __str__(self) -> str:
        text = self.name
        text += f"({self.order})" if self.order is not None else ""
        text += f"[{self.level}]" if self.level is not None else ""
        text += f"@{self.at}" if self.at is not None else ""
        return text + (f" by {self.by}" if self.by is not None else "")

    def plain(self, *allowed: Literal["order", "level", "at", "by"]) -> Metric:
        """Return this metric; raise UsageError if it carries a part that is not ``allowed``."""
        for part in ("order", "level", "at", "by"):
            if part not in allowed and getattr(self, part) is not None:
                raise UsageError(f"{str(self)!r}: {self.name} takes no {_PARTS[part]}")
        return self


_PARTS = {"order": "(ORDER)", "level": "[LEVEL]", "at": "@THRESHOLD", "by": "'by GROUP'"}


MOST = 1000
"""A range of more thresholds than this is taken for a slip."""


def parse_range(value: str | float | Iterable[float], *, name: str = "delta") -> tuple[float, ...]:
    """Return the thresholds in rising order.

    Parameters
    ----------
    value : str, float or iterable of float
        ``"0.05:0.05:0.5"`` (built from integer steps, rounded to 12 decimals), ``"0.05,0.25"``, ``"0.5"``, or
        the numbers themselves.
    name : str
        What the numbers are called in an error.

    Raises
    ------
    UsageError
        If a threshold is not positive and finite, repeats, or ``b`` is not reached from ``a`` in steps of ``s``.

    Examples
    --------
    >>> parse_range("0.05:0.05:0.2")
    (0.05, 0.1, 0.15, 0.2)
    """
    if isinstance(value, str):
        values = _steps(value, name) if ":" in value else [_number(part, value, name) for part in value.split(",")]
    else:
        parts = [value] if not isinstance(value, Iterable) else value
        values = [_number(part, value, name) for part in parts]
    if not values:
        raise UsageError(f"{name}: expected at least one threshold, found none")
    if len(values) > MOST:
        raise UsageError(f"{name}: expected at most {MOST} thresholds, found {len(values)}")
    if min(values) <= 0:
        raise UsageError(f"{name}: expected positive thresholds, found {min(values)}")
    if len(set(values)) < len(values):
        raise UsageError(f"{name}: a threshold is given twice in {value!r}")
    return tuple(sorted(values))


def range_text(values: Sequence[float]) -> str:
    """Return the shortest text that parses back to ``values``.

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
    """Return the radii of ``NAME@8px`` or ``NAME@1:1:100px``; raise UsageError where unit or number is missing."""
    if metric.at is None or not metric.at.endswith("px"):
        raise UsageError(f"{str(metric)!r}: expected {metric.name}@ and {example}")
    return parse_range(metric.at.removesuffix("px"), name=str(metric))


def pixels_text(radii: Sequence[float]) -> str:
    """Return the shortest spelling of radii: ``8px``, ``1:1:100px``."""
    return f"{range_text(radii)}px"


def _number(part: object, whole: object, name: str) -> float:
    try:
        number = float(part)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"{name}: expected a number, a list a,b,c or a range a:s:b, found {whole!r}") from None
    if not math.isfinite(number):
        raise UsageError(f"{name}: expected finite numbers, found {whole!r}")
    return number


def _steps(text: str, name: str) -> list[float]:
    parts = [_number(part, text, name) for part in text.split(":")]
    if len(parts) != 3:
        raise UsageError(f"{name}: expected a range a:s:b (start, step, end), found {text!r}")
    start, step, end = parts
    if step <= 0 or end < start:
        raise UsageError(f"{name}: expected a positive step and an end not below the start, found {text!r}")
    if (end - start) / step >= MOST:
        raise UsageError(f"{name}: expected at most {MOST} thresholds, found {text!r}")
    steps = round((end - start) / step)
    if abs(start + steps * step - end) > 1e-9 * max(1.0, abs(end)):
        near = [
            number_text(round(start + n * step, 12)) for n in (int((end - start) / step), int((end - start) / step) + 1)
        ]
        raise UsageError(f"{name}: {text!r} does not reach its end; end it at {near[0]} or {near[1]}")
    return [round(start + n * step, 12) for n in range(steps + 1)]


def signature_fields(signature: str) -> tuple[str, dict[str, str]]:
    """Return what a signature begins with, and its fields; nothing is checked, ``Protocol.parse`` does that.

    >>> signature_fields("crowdeval@2|k:3|lone:inf")
    ('crowdeval@2', {'k': '3', 'lone': 'inf'})
    """
    head, *parts = signature.split("|")
    return head, dict(part.partition(":")[::2] for part in parts)
