"""Bounds on metrics: METRIC=X as --fail-under and --fail-over take it, refused early, held against a report."""

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
    """A bound on one metric; ``lowest`` says on which side."""

    metric: str
    limit: float
    lowest: bool


def gates_of(under: Iterable[str], over: Iterable[str], protocol: Protocol) -> list[Gate]:
    """Return the bounds; raise UsageError for one that means nothing or whose metric the protocol does not measure."""
    gates = [*(_gate(text, lowest=True) for text in under), *(_gate(text, lowest=False) for text in over)]
    asked = [Metric.parse(text) for text in protocol.all_metrics]
    for gate in gates:
        if not any(_may_give(metric, gate.metric, protocol) for metric in asked):
            raise _unmeasured(gate)
    return gates


def enforce(gates: Iterable[Gate], report: Report) -> None:
    """Raise GateError where a report is beyond a bound."""
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
    """Read METRIC=X; refuse a bound on the wrong side of a metric."""
    name, equals, bound = text.rpartition("=")
    try:
        limit = float(bound)
    except ValueError:
        limit = math.nan
    if not equals or math.isnan(limit):
        raise UsageError(f"expected METRIC=NUMBER, as in nAP=0.60, found {text!r}")
    name = canonical(name)
    base = Metric.parse(name)
    better = next(
        (entry.better for entry in family_of(base).entries if Metric.parse(entry.string).name == base.name), ""
    )
    if lowest and better == "lower":
        raise UsageError(f"--fail-under {text}: lower {name} is better; --fail-over {text} sets an upper bound")
    if not lowest and better == "higher":
        raise UsageError(f"--fail-over {text}: higher {name} is better; --fail-under {text} sets a lower bound")
    return Gate(metric=name, limit=limit, lowest=lowest)


def _may_give(asked: Metric, name: str, protocol: Protocol) -> bool:
    """Return whether a metric asked for can bring the value ``name`` into a report."""
    if name == str(asked) or name.startswith(f"{asked}="):
        return True
    if asked.name == "nAP":
        deltas = protocol.delta if asked.at is None else parse_range(asked.at)
        return name in {f"nAP@{number_text(delta)}" for delta in deltas}
    if asked.name in _COUNTED and asked.by is None:
        return name in {f"{count}@{asked.at}" for count in _COUNTS}
    return asked.name not in METRICS.table  # a third party's family may bring anything along


def _unmeasured(gate: Gate) -> UsageError:
    return UsageError(f"{gate.metric} has a bound and is not measured; add --metric {gate.metric!r}")
