"""How sure a number is, as reports carry it: standard errors, intervals, and the images that carry a variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crowdeval.options import IntervalMethod

Trust = Literal["yes", "rough", "no"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Attributes
    ----------
    low, high : float
        Its ends.
    method : {"bootstrap-t", "percentile", "bca", "basic"}
        How it was made.
    reliable : {"yes", "rough", "no"}
        Whether it is to be trusted.
    effective : float
        Effective number of images or clusters.
    """

    low: float
    high: float
    method: IntervalMethod
    reliable: Trust
    effective: float


@dataclass(frozen=True, slots=True)
class Influence:
    """The image, or cluster, with the largest share of the variance of a number.

    Attributes
    ----------
    image : str
        Its name.
    share : float
        Its share of the variance.
    without : float
        The number without it.
    """

    image: str
    share: float
    without: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """What is known of the certainty of the numbers of a report.

    Attributes
    ----------
    errors : mapping of str to float
        Standard error by metric.
    intervals : mapping of str to Interval
        Confidence interval by metric.
    influence : mapping of str to Influence
        The metrics of which one image carries a fifth of the variance or more.
    reasons : mapping of str to str
        Why a metric has no error, or no interval.
    bound : float
        How far a value from bins can be from that of the whole ranked list: a bound for the sample itself, about which
        resamples vary; 0 where values are exact.
    settings : str
        How intervals were made: ``intervals@1|ci:0.95|...``; empty without intervals. Settings are never compared when
        reports are ranked.
    """

    errors: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    influence: Mapping[str, Influence] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    bound: float = 0.0
    settings: str = ""
