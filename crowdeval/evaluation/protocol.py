"""The protocol, which holds every choice behind a number, and its signature, which spells these choices in one line.

A signature begins with the revision of the definitions, ``crowdeval@2``. After that it has ``key:value`` fields,
separated by ``|``. It parses back to an equal Protocol.

The revision rises whenever a number would change. Signatures of earlier revisions parse too: their results are shown,
and ranked among results of the same revision, but nothing can be measured with them any more.

A field that was added later (``LATER``) is printed only if its value is not the default; if it is absent, it has the
default.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crowdeval.errors import UsageError, did_you_mean
from crowdeval.matching.scale import lone_length
from crowdeval.metrics import canonical
from crowdeval.metrics.strings import number_text, parse_range, range_text
from crowdeval.options import (
    AREAS,
    COUNT_THRESHOLD,
    ID_STYLES,
    MISSING,
    OFF_IMAGE,
    PAPER_DELTA,
    PAPER_K,
    POOLS,
    PRESETS,
    Area,
    IdStyle,
    Lone,
    Missing,
    OffImage,
    Pool,
)

REVISION = 2
"""The revision of the definitions.

Revision 2 differs from revision 1 in these points:

- a point at x = width or y = height lies outside its image (``off``);
- the radii of head boxes have one definition;
- sums are exact, so that the last digits of a number can differ.
"""

NAME = "crowdeval@"
"""Beginning of a signature, before the number of the revision."""

LATER: dict[str, str] = {}
"""Fields that were added later to their default, which applies if the field is absent."""

FIXED = {
    "few": "mean",
    "cmp": "lt",
    "ties": "closest",
    "pick": "nearest",
    "cap": "none",
}
"""Fields that have only one value: parts of the definition that a signature spells out."""

EXPLAINED = {
    "preset": "a named list of metrics; metrics for which the data lack something are left out with a warning",
    "metrics": "metrics requested by name; the data must have everything that they need",
    "delta": "thresholds on the normalised distance d / d_k; the summary is the mean over them",
    "k": "d_k is the mean distance of a true point to this number of nearest other true points of its image",
    "few": "with fewer than k other points, d_k is the mean over all of them",
    "lone": "scale of a true point that is alone in its image: infinite, the image diagonal, or pixels",
    "cmp": "a prediction can match a true point if d / d_k is strictly below delta",
    "ties": "of equal confidences, the prediction closest to a true point goes first, then lower x, then lower y "
    "(a rotation of all images can change a number only through such ties)",
    "pick": "a prediction takes the free true point at the smallest normalised distance",
    "pool": "one ranked list over all images (set), or the mean of per-image AP (image)",
    "ap": "area under the precision envelope (area), without envelope (step), or sampled (coco101, voc11); a sampled "
    "recall that is met exactly counts, by whole numbers, whereas pycocotools compares floats and can miss it",
    "cap": "no limit on the number of predictions per image, and no confidence dropped",
    "miss": "annotated images without predictions: an error, or scored as images with no predictions",
    "ids": "image ids compared as they are (exact), or without folders and file extensions (stem)",
    "off": "true points outside their image (also on its right or lower edge): kept, dropped, or clipped to its edge",
    "count": "a prediction counts as a person if its confidence is strictly above this value; a count that the "
    "predictions give for an image takes precedence",
}
"""Field of a signature to its meaning, in the order of the fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The options of an evaluation.

    Parameters
    ----------
    preset : str, optional
        A named list of metrics (``PRESETS``). The default is ``"none"`` if ``metrics`` are given, else ``"paper"``.
    metrics : sequence of str
        Metric strings, in addition to those of the preset.
    delta : str, float or sequence of float
        Thresholds of nAP on the normalised distance; ``"a:s:b"`` includes both ends.
    k : int
        Number of neighbours in d_k.
    lone : {"inf", "diagonal"} or a number of pixels
        Scale of a true point that is alone in its image.
    pool : {"set", "image"}
        One ranked list over all images, or the mean of per-image AP.
    ap : {"area", "step", "coco101", "voc11"}
        The area under the precision-recall curve: exact under the envelope, without envelope, or sampled.
    missing : {"error", "empty"}
        Whether an annotated image without predictions is an error, or an image with no predictions.
    id_style : {"exact", "stem"}
        Whether image ids are compared as they are, or without folders and file extensions.
    off_image : {"keep", "drop", "clip"}
        Whether true points outside their image are kept, dropped, or moved to its edge.
    count_threshold : float
        A prediction counts as a person if its confidence is strictly above this value.
    revision : int
        The revision of the definitions; only the current one can be measured with.

    Raises
    ------
    UsageError
        If an option has an unknown value.

    Examples
    --------
    >>> Protocol(delta=0.5, k=1).signature
    'crowdeval@2|preset:paper|metrics:none|delta:0.5|k:1|few:mean|lone:inf|cmp:lt|ties:closest|pick:nearest|pool:set|ap:area|cap:none|miss:error|ids:exact|off:keep|count:0.5'
    >>> Protocol.parse(Protocol(delta=0.5).signature) == Protocol(delta=0.5)
    True
    """

    preset: str = ""
    metrics: tuple[str, ...] = ()
    delta: tuple[float, ...] = parse_range(PAPER_DELTA)
    k: int = PAPER_K
    lone: Lone = "inf"
    pool: Pool = "set"
    ap: Area = "area"
    missing: Missing = "error"
    id_style: IdStyle = "exact"
    off_image: OffImage = "keep"
    count_threshold: float = COUNT_THRESHOLD
    revision: int = REVISION

    if TYPE_CHECKING:  # one metric, a range as text, and lists are taken, too

        def __init__(
            self,
            *,
            preset: str = ...,
            metrics: str | Sequence[str] = ...,
            delta: str | float | Sequence[float] = ...,
            k: int = ...,
            lone: str | float = ...,
            pool: Pool = ...,
            ap: Area = ...,
            missing: Missing = ...,
            id_style: IdStyle = ...,
            off_image: OffImage = ...,
            count_threshold: float = ...,
            revision: int = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        _set = object.__setattr__
        names = (self.metrics,) if isinstance(self.metrics, str) else self.metrics  # type: ignore[unreachable]
        _set(self, "metrics", _unique(canonical(name) for name in names))
        unprintable = [name for name in self.metrics if set("+|\n") & set(name)]
        if unprintable:
            raise UsageError(
                f"metrics: {unprintable[0]!r} contains +, | or a line break, which separate the parts of a signature; "
                "rename the attribute"
            )
        _set(self, "preset", self.preset or ("none" if self.metrics else "paper"))
        if self.preset not in PRESETS:
            known = ", ".join(PRESETS)
            raise UsageError(
                f"no preset is called {self.preset!r}{did_you_mean(self.preset, PRESETS)} (known: {known})"
            )
        if not self.all_metrics:
            raise UsageError("metrics: expected at least one metric, found none; give a metric or a preset")
        _set(self, "delta", parse_range(self.delta))
        _set(self, "k", whole_k(self.k))
        length = lone_length(str(self.lone))
        _set(self, "lone", number_text(length) if math.isfinite(length) else str(self.lone))
        check_choice("pool", self.pool, POOLS)
        check_choice("ap", self.ap, AREAS)
        check_choice("missing", self.missing, MISSING)
        check_choice("id_style", self.id_style, ID_STYLES)
        check_choice("off_image", self.off_image, OFF_IMAGE)
        if not math.isfinite(self.count_threshold):
            raise UsageError(f"count_threshold: expected a finite number, found {self.count_threshold}")
        _set(self, "count_threshold", float(self.count_threshold))
        if type(self.revision) is not int or self.revision not in range(1, REVISION + 1):
            raise UsageError(f"revision: expected 1 to {REVISION}, found {self.revision!r}")

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """The metrics of the preset, then those requested by name."""
        return _unique([*(canonical(name) for name in PRESETS[self.preset]), *self.metrics])

    @property
    def signature(self) -> str:
        """One line that parses back to an equal Protocol."""
        values = FIXED | {
            "preset": self.preset,
            "metrics": "+".join(self.metrics) or "none",
            "delta": range_text(self.delta),
            "k": str(self.k),
            "lone": self.lone,
            "pool": self.pool,
            "ap": self.ap,
            "miss": self.missing,
            "ids": self.id_style,
            "off": self.off_image,
            "count": number_text(self.count_threshold),
        }
        shown = [key for key in EXPLAINED if key not in LATER or values[key] != LATER[key]]
        return "|".join([f"{NAME}{self.revision}", *(f"{key}:{values[key]}" for key in shown)])

    @classmethod
    def parse(cls, signature: str) -> Protocol:
        """Return the Protocol that a signature spells out.

        Parameters
        ----------
        signature : str
            The line that a report prints beside its numbers.

        Returns
        -------
        Protocol
            A protocol with the same signature.

        Raises
        ------
        UsageError
            If the text is not a signature of a known revision, or a field is unknown, repeated, absent or out of
            range.

        Examples
        --------
        >>> Protocol.parse(PAPER.signature) == PAPER
        True
        """
        head, *parts = signature.strip().split("|")
        revision = _revision(head, signature)
        values: dict[str, str] = {}
        for part in parts:
            key, colon, value = part.partition(":")
            if key not in EXPLAINED or not colon:
                raise UsageError(f"signature: unknown field {part!r}{did_you_mean(key, EXPLAINED)}")
            if key in values:
                raise UsageError(f"signature: expected each field once, found the field {key!r} twice")
            values[key] = value
        values = {**LATER, **values}
        absent = [key for key in EXPLAINED if key not in values]
        if absent:
            fields = "field" if len(absent) == 1 else "fields"
            raise UsageError(f"signature: expected all fields, found none for the {fields} {', '.join(absent)}")
        for key, known in FIXED.items():
            if values[key] != known:
                raise UsageError(f"signature: {key} can only be {known!r}, found {values[key]!r}")
        return cls(
            preset=values["preset"],
            metrics=() if values["metrics"] == "none" else tuple(values["metrics"].split("+")),
            delta=parse_range(values["delta"]),
            k=_whole(values["k"]),
            lone=values["lone"],
            pool=values["pool"],  # type: ignore[arg-type]  # checked on construction
            ap=values["ap"],  # type: ignore[arg-type]
            missing=values["miss"],  # type: ignore[arg-type]
            id_style=values["ids"],  # type: ignore[arg-type]
            off_image=values["off"],  # type: ignore[arg-type]
            count_threshold=_threshold(values["count"]),
            revision=revision,
        )

    def __str__(self) -> str:
        return self.signature


def _revision(head: str, signature: str) -> int:
    """Return the revision from the head of a signature; raise UsageError if it is not a known one."""
    number = head.removeprefix(NAME)
    known = [str(n) for n in range(1, REVISION + 1)]
    if not head.startswith(NAME) or number not in known:
        raise UsageError(
            f"expected a signature that starts with {NAME}{REVISION}| or an earlier revision, found {signature[:40]!r}"
        )
    return int(number)


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Check that an option has one of its known values.

    Parameters
    ----------
    name : str
        Name of the option, for the error message.
    value : str
        Value of the option.
    known : sequence of str
        All values that the option can have.

    Raises
    ------
    UsageError
        If the value is not among them; the message lists them.

    Examples
    --------
    >>> check_choice("pool", "set", ("set", "image"))
    """
    if value not in known:
        raise UsageError(f"{name}: expected one of {', '.join(known)}, found {value!r}")


def whole_k(k: object) -> int:
    """Return a number of neighbours as an int.

    Parameters
    ----------
    k : object
        The value of the option ``k``.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    UsageError
        If it is not a whole number of at least 1.

    Examples
    --------
    >>> whole_k(3)
    3
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise UsageError(f"k: expected a whole number of at least 1, found {k!r}")
    return int(k)


def _threshold(text: str) -> float:
    """Return a confidence threshold from a signature; raise UsageError if it is not a number."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"count: expected a number, found {text!r}") from None


def _whole(text: str) -> int:
    """Return the number of neighbours from a signature; raise UsageError if it is not a whole number."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"k: expected a whole number, found {text!r}") from None


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without repetition, in the order of their first occurrence."""
    return tuple(dict.fromkeys(names))


PAPER = Protocol()
"""The protocol of the paper: nAP over 0.05:0.05:0.5 with k = 3, and the counting errors."""
