"""Bounds on metrics: --fail-under and --fail-over METRIC=X, by value or by interval, and --no-worse-than BASE."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from crowdeval.errors import GateError, GateUndecidedError, UsageError
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.report import Report
from crowdeval.metrics import METRICS, better, canonical, family_of
from crowdeval.metrics.strings import Metric, number_text, parse_range

if TYPE_CHECKING:
    from crowdeval.metrics.evidence import Evidence
    from crowdeval.statistics.certainty import Resampling
    from crowdeval.statistics.comparison import Difference

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What a score has to reach.

    Attributes
    ----------
    bounds : tuple of Gate
        Bounds on metrics.
    by_interval : bool
        Whether the interval of a value decides, and not the value.
    base : str, optional
        The system that the score must not fall behind.
    margins : mapping of str to float
        By metric, how far it may fall behind.
    """

    bounds: tuple[Gate, ...]
    by_interval: bool = False
    base: str | None = None
    margins: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, options: dict[str, Any], protocol: Protocol) -> Gates:
        """Return the gates of the options that ``gate_options`` adds, which are taken from the given ones."""
        bounds = parse_gates(options.pop("fail_under"), options.pop("fail_over"), protocol)
        base, margins = options.pop("no_worse_than"), parse_margins(options.pop("margins"))
        by_interval = options.pop("gate_bound")
        if (base is None) != (not margins):
            raise UsageError("--no-worse-than BASE and --margin METRIC=M go together: how far behind BASE is allowed")
        for name, margin in margins.items():
            if not 0 < margin < math.inf:
                raise UsageError(f"--margin {name}: expected a number above 0, found {margin:g}")
            if better(canonical(name)) not in ("higher", "lower"):
                raise UsageError(f"--margin {name}: neither higher nor lower values are better")
        if by_interval and not bounds:
            raise UsageError("--gate-bound: expected a bound, as in --fail-under nAP=0.60")
        return cls(bounds=tuple(bounds), by_interval=by_interval, base=base,
                   margins={canonical(name): margin for name, margin in margins.items()})  # fmt: skip

    def surety(self, resampling: Resampling) -> Resampling:
        """Return how intervals are made; of the level 0.95 where gates need them and no level is given."""
        if resampling.level is not None or not self.by_interval:
            return resampling
        return replace(resampling, level=0.95)

    def enforce(
        self,
        report: Report,
        evidence: Evidence,
        resampling: Resampling,
        scored: Callable[[str], tuple[Report, Evidence]],
    ) -> None:
        """Raise an error where a gate is not passed.

        Parameters
        ----------
        report, evidence : Report, Evidence
            The score.
        resampling : Resampling
            How intervals are made.
        scored : callable
            Returns the report and the evidence of another system.

        Raises
        ------
        GateError
            If a gate is surely not passed.
        GateUndecidedError
            If no gate is surely not passed, and an interval does not decide or is not to be trusted.
        """
        failed: list[str] = []
        undecided: list[str] = []
        if self.by_interval:
            for gate in self.bounds:
                _judge_bound(gate, report, failed, undecided)
        else:
            failed += failures(self.bounds, report)
        if self.base is not None:
            from crowdeval.statistics.systems import Settings, compare_systems

            systems = {"this": (report, evidence), self.base: scored(self.base)}
            made = compare_systems(systems, Settings(resampling=resampling, metrics=list(self.margins)))
            for name, margin in self.margins.items():
                for metric in (key for key in made.metrics if key == name or key.startswith(f"{name}=")):
                    _judge_margin(metric, margin, made[metric], base=self.base, failed=failed, undecided=undecided)
        if failed:
            raise GateError("; ".join([*failed, *undecided]))
        if undecided:
            raise GateUndecidedError("; ".join(undecided))


def _judge_bound(gate: Gate, report: Report, failed: list[str], undecided: list[str]) -> None:
    """Add a sentence where the interval of a value is beyond its bound, or does not decide."""
    if gate.metric not in report.values:
        raise _unmeasured(gate)
    own, side = report.intervals.get(gate.metric), "below" if gate.lowest else "above"
    if math.isnan(report.values[gate.metric]):
        failed.append(f"{gate.metric} is undefined")
    elif own is None:
        undecided.append(f"{gate.metric} has no interval: {report.certainty.reasons.get(gate.metric, 'no reason')}")
    elif own.reliable == "no":
        undecided.append(f"the interval of {gate.metric} is not to be trusted: few images decide")
    elif (own.high < gate.limit) if gate.lowest else (own.low > gate.limit):
        failed.append(f"{gate.metric} is in [{own.low:.6g}, {own.high:.6g}], {side} the bound of {gate.limit:g}")
    elif not ((own.low >= gate.limit) if gate.lowest else (own.high <= gate.limit)):
        undecided.append(f"{gate.metric} is in [{own.low:.6g}, {own.high:.6g}], with the bound of {gate.limit:g} in it")


def _judge_margin(
    metric: str, margin: float, pair: Difference, *, base: str, failed: list[str], undecided: list[str]
) -> None:
    """Add a sentence where a difference is surely worse than its margin, or where that is not decided."""
    from crowdeval.statistics.comparison import EQUAL

    if pair.interval is None:
        if pair.difference != 0 or pair.reason != EQUAL:
            undecided.append(f"the difference of {metric} from {base} has no interval: {pair.reason}")
        return
    sign = 1 if better(metric) == "higher" else -1
    low, high = sorted(sign * end for end in pair.interval)
    text = f"{metric} differs from {base} by {pair.interval[0]:+.4g} to {pair.interval[1]:+.4g}"
    if pair.reliable == "no":
        undecided.append(f"{text}, which is not to be trusted: few images decide")
    elif high < -margin:
        failed.append(f"{text}, worse by more than {margin:g}")
    elif low < -margin:
        undecided.append(f"{text}, which is worse by more than {margin:g} or not")


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


def failures(gates: Iterable[Gate], report: Report) -> list[str]:
    """Return a sentence for each value of a report that is beyond its bound, or undefined.

    Parameters
    ----------
    gates : iterable of Gate
        The bounds.
    report : Report
        The report.

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        If the report has no value of a metric.
    """
    failed = []
    for gate in gates:
        if gate.metric not in report.values:
            raise _unmeasured(gate)
        value = report.values[gate.metric]
        if not (value >= gate.limit if gate.lowest else value <= gate.limit):
            side = "below" if gate.lowest else "above"
            failed.append(f"{gate.metric} is {value:.6g}, {side} the bound of {gate.limit:g}")
    return failed


def parse_margins(texts: Sequence[str]) -> dict[str, float]:
    """Return the margins that the options set.

    Parameters
    ----------
    texts : sequence of str
        ``METRIC=NUMBER`` each.

    Returns
    -------
    dict of str to float

    Raises
    ------
    UsageError
        If a text is not METRIC=NUMBER.

    Examples
    --------
    >>> parse_margins(["nAP=0.01"])
    {'nAP': 0.01}
    """
    margins = {}
    for text in texts:
        name, equals, bound = text.rpartition("=")
        try:
            if name in margins:
                raise UsageError(f"--margin: {name} is given twice")
            margins[name] = float(bound)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(f"--margin: expected METRIC=NUMBER, as in nAP=0.01, found {text!r}")
    return margins


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
