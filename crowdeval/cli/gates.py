"""Bounds on metrics: METRIC=X of the options --fail-under and --fail-over, and the comparison with a report."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from crowdeval.errors import GateError, UsageError
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.report import Report
from crowdeval.metrics import METRICS, canonical, family_of
from crowdeval.metrics.strings import Metric, number_text, parse_range

_COUNTS = ("TP", "FP", "FN")
_COUNTED = ("F1", "Precision", "Recall", *_COUNTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A bound on one metric.

    Attributes
    ----------
    metric : str
        The canonical metric string.
    limit : float
        The bound, in the unit of the metric.
    lowest : bool
        True for a lower bound (``--fail-under``), False for an upper bound (``--fail-over``).
    """

    metric: str
    limit: float
    lowest: bool


def parse_gates(under: Iterable[str], over: Iterable[str], protocol: Protocol) -> list[Gate]:
    """Return the bounds that the options set.

    Parameters
    ----------
    under, over : iterable of str
        Lower and upper bounds, ``METRIC=NUMBER`` each.
    protocol : Protocol
        The protocol of the report.

    Returns
    -------
    list of Gate

    Raises
    ------
    UsageError
        If a text is not METRIC=NUMBER, a bound is on the wrong side of its metric, or the protocol does not measure the
        metric.

    Examples
    --------
    >>> parse_gates(["nAP=0.60"], [], Protocol())
    [Gate(metric='nAP', limit=0.6, lowest=True)]
    """
    gates = [*(_gate(text, lowest=True) for text in under), *(_gate(text, lowest=False) for text in over)]
    requested = [Metric.parse(text) for text in protocol.all_metrics]
    for gate in gates:
        if not any(_can_give(metric, gate.metric, protocol) for metric in requested):
            raise _unmeasured(gate)
    return gates


def enforce_gates(gates: Iterable[Gate], report: Report) -> None:
    """Raise GateError where a value of a report is beyond its bound, or undefined (NaN).

    Parameters
    ----------
    gates : iterable of Gate
        The bounds.
    report : Report
        The report.

    Raises
    ------
    GateError
        If a value is beyond its bound; the message names all of them.
    UsageError
        If the report has no value of a metric.

    Examples
    --------
    >>> from crowdeval.evaluation.report import Side
    >>> side = Side(name="gt.json", fingerprint="", points=2)
    >>> report = Report(values={"MAE": 60.0}, protocol=Protocol(), images=1, predictions=side, annotations=side)
    >>> enforce_gates([Gate(metric="MAE", limit=50.0, lowest=False)], report)
    Traceback (most recent call last):
    crowdeval.errors.GateError: MAE is 60, above the bound of 50
    """
    failed = []
    for gate in gates:
        if gate.metric not in report.values:
            raise _unmeasured(gate)
        value = report.values[gate.metric]
        if not (value >= gate.limit if gate.lowest else value <= gate.limit):
            side = "below" if gate.lowest else "above"
            failed.append(f"{gate.metric} is {value:.6g}, {side} the bound of {gate.limit:g}")
    if failed:
        raise GateError("; ".join(failed))


def _gate(text: str, *, lowest: bool) -> Gate:
    """Return the bound of a text METRIC=NUMBER; raise UsageError where it is on the wrong side of the metric."""
    name, equals, bound = text.rpartition("=")
    try:
        limit = float(bound)
    except ValueError:
        limit = math.nan
    if not equals or math.isnan(limit):
        option = "--fail-under" if lowest else "--fail-over"
        raise UsageError(
            f"{option}: expected METRIC=NUMBER, as in {'nAP=0.60' if lowest else 'MAE=80'}, found {text!r}"
        )
    name = canonical(name)
    base = Metric.parse(name)
    better = next(
        (entry.better for entry in family_of(base).entries if Metric.parse(entry.string).name == base.name), ""
    )
    if lowest and better == "lower":
        raise UsageError(f"--fail-under {text}: a lower {name} is better, so set an upper bound: --fail-over {text}")
    if not lowest and better == "higher":
        raise UsageError(f"--fail-over {text}: a higher {name} is better, so set a lower bound: --fail-under {text}")
    return Gate(metric=name, limit=limit, lowest=lowest)


def _can_give(requested: Metric, name: str, protocol: Protocol) -> bool:
    """Return whether a requested metric can add a value called ``name`` to a report."""
    if name == str(requested) or name.startswith(f"{requested}="):
        return True
    if requested.name == "nAP":
        deltas = protocol.delta if requested.at is None else parse_range(requested.at)
        return name in {f"nAP@{number_text(delta)}" for delta in deltas}
    if requested.name in _COUNTED and requested.by is None:
        return name in {f"{count}@{requested.at}" for count in _COUNTS}
    return requested.name not in METRICS.table  # the family of another package can add any values


def _unmeasured(gate: Gate) -> UsageError:
    return UsageError(f"{gate.metric} has a bound and is not measured: add --metric {gate.metric!r}")
