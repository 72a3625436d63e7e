"""The report: values, with the inputs and the protocol that they were measured with; written and read as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import FormatError, Problem, UsageError, did_you_mean
from crowdeval.evaluation.certainty import Certainty, Influence, Interval, Trust
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.sides import Side
from crowdeval.metrics import canonical
from crowdeval.options import IntervalMethod
from crowdeval.plugins import Extensions

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "crowdeval/report@2"
"""Name and version of the file format."""

FORMATS = (FORMAT, "crowdeval/report@1")
"""Versions that can be read; reports of version 1 have no hashes of columns."""


RENDERERS: Extensions[Callable[[Report], str]] = Extensions("output format", "crowdeval.renderers")
"""The text forms of reports, found by name; they are above this module."""

_REPR = 6
"""Number of values in the ``repr`` of a report."""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """The evidence file that belongs to a report.

    Attributes
    ----------
    file : str
        Name of the file, relative to the folder of the report.
    hash : str
        Hash of its bytes, as ``write_evidence`` returns it.
    """

    file: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Report:
    """The result of an evaluation: a mapping of metrics to values, which also knows how they came about.

    ``report["nAP"]``, ``"nAP" in report``, ``dict(report)`` and ``report.items()`` work as on a dict; ``values``
    is that dict. ``print(report)`` prints the table.

    Attributes
    ----------
    values : mapping of str to float
        Number by canonical metric string; NaN where undefined.
    protocol : Protocol
        The options of the evaluation; its signature is printed beside the values.
    images : int
        Number of images.
    predictions, annotations : Side
        Name, fingerprint and number of points of the two inputs.
    warnings : tuple of str
        Notices about the inputs and values, each as ``name: text``.
    per_image : mapping of str to array, (m,), optional
        The per-image table: one column for each quantity, and the column ``image`` with the ids. None if it was not
        requested.
    about : mapping of str to str
        Origin of the predictions: model, revision, dataset, split, selected_on, date, ...
    version : str
        The version of crowdeval that measured the values.
    evidence : EvidenceFile, optional
        The evidence file that was written beside the report.
    certainty : Certainty
        Standard errors and intervals, where they were asked for; ``errors`` and ``intervals`` are short for it.

    Examples
    --------
    >>> side = Side(name="model.json", fingerprint="ab", points=7)
    >>> report = Report(
    ...     values={"RMSE": 2.5}, protocol=Protocol(metrics=["MSE"]), images=2, predictions=side, annotations=side
    ... )
    >>> report["MSE"], Report.from_json(report.to_json())["RMSE"]
    (2.5, 2.5)
    """

    values: Mapping[str, float]
    protocol: Protocol
    images: int
    predictions: Side
    annotations: Side
    warnings: tuple[str, ...] = ()
    per_image: Mapping[str, NDArray[Any]] | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    evidence: EvidenceFile | None = None
    certainty: Certainty = field(default_factory=Certainty)

    @property
    def errors(self) -> Mapping[str, float]:
        """The standard error of each value that has one; empty where they were not asked for."""
        return self.certainty.errors

    @property
    def intervals(self) -> Mapping[str, Interval]:
        """The confidence interval of each value that has one; empty where they were not asked for."""
        return self.certainty.intervals

    @property
    def signature(self) -> str:
        """The signature of the protocol."""
        return self.protocol.signature

    def __getitem__(self, metric: str) -> float:
        """Return the value of a metric in any spelling (``MSE`` is ``RMSE``); KeyError suggests similar names."""
        name = metric if metric in self.values else self._canonical(metric)
        if name not in self.values:
            raise KeyError(f"{metric!r} was not measured{did_you_mean(metric, self.values)}")
        return self.values[name]

    @staticmethod
    def _canonical(metric: str) -> str:
        """Return the canonical spelling of a metric string, or the same text if it is not a metric string."""
        try:
            return canonical(metric)
        except UsageError:
            return metric

    def __iter__(self) -> Iterator[str]:
        """Yield the canonical metric strings, as ``values`` has them."""
        return iter(self.values)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self.values)

    def __contains__(self, metric: object) -> bool:
        """Return whether a metric was measured, in any spelling."""
        return isinstance(metric, str) and (metric in self.values or self._canonical(metric) in self.values)

    def keys(self) -> KeysView[str]:
        """Return the canonical metric strings; ``dict(report)`` has the values by them."""
        return self.values.keys()

    def items(self) -> ItemsView[str, float]:
        """Return the canonical metric strings with their values."""
        return self.values.items()

    def get(self, metric: str, default: float | None = None) -> float | None:
        """Return the value of a metric in any spelling, or a default where it was not measured."""
        known = metric if metric in self.values else self._canonical(metric)
        return self.values.get(known, default)

    def __str__(self) -> str:
        """Return the table that ``crowdeval score`` prints."""
        return str(RENDERERS["table"](self)).rstrip("\n")

    def __repr__(self) -> str:
        """Return one line: the first values, the images and the test set."""
        heads = {name.partition("@")[0] for name in self.values if "@" not in name}
        named = {
            name: each for name, each in self.values.items() if name in heads or name.partition("@")[0] not in heads
        }
        texts = [f"{name}={value:.4f}" for name, value in named.items()]
        texts = texts[:_REPR] + ["..."] * (len(texts) > _REPR)
        return f"Report({', '.join(texts)}; {self.images:,} image{'s' * (self.images != 1)} of {self.annotations.name})"

    def _repr_html_(self) -> str:
        """Return a small table for a notebook."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td style='text-align:right'>{value:.4f}</td></tr>"
            for name, value in self.values.items()
        )
        caption = f"{escape(self.predictions.name)} on {escape(self.annotations.name)}, {self.images:,} images"
        return (
            f"<table><caption>{caption}</caption><tr><th>metric</th><th>value</th></tr>{rows}</table>"
            f"<small>{escape(self.signature)}</small>"
        )

    def to_json(self) -> str:
        """Return the report as JSON text.

        Returns
        -------
        str
            A document that ends with a line break; NaN is written as null. The class docstring has an example.
        """
        sides = {"predictions": self.predictions, "annotations": self.annotations}
        document: dict[str, Any] = {
            "format": FORMAT,
            "version": self.version,
            "values": dict(self.values),
            **_certainty_document(self.certainty),
            "signature": self.signature,
            "warnings": list(self.warnings),
            "images": self.images,
            **{
                name: {
                    "name": side.name,
                    "fingerprint": side.fingerprint,
                    "points": side.points,
                    "hashes": dict(side.hashes),
                    **({"changes": dict(side.changes)} if side.changes else {}),
                }
                for name, side in sides.items()
            },
        }
        if self.evidence is not None:
            document["evidence"] = {"file": self.evidence.file, "hash": self.evidence.hash}
        if self.about:
            document["about"] = dict(self.about)
        if self.per_image is not None:
            document["per_image"] = {name: column.tolist() for name, column in self.per_image.items()}
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, name: str = "report") -> Report:
        """Return the report from the text that ``to_json`` returned.

        Parameters
        ----------
        text : str or bytes
            The JSON document.
        name : str
            Name of the file, for the error message.

        Returns
        -------
        Report
            Equal to the report that was written; the class docstring has an example.

        Raises
        ------
        FormatError
            If the text is not a report, or has a version of the format that can't be read.
        """
        try:
            document = msgspec.json.decode(text, type=_Document)
            protocol = Protocol.parse(document.signature)
        except (msgspec.DecodeError, UsageError, UnicodeDecodeError) as problem:
            raise FormatError(name, [Problem(expected="a crowdeval report", found=str(problem))]) from None
        if document.format not in FORMATS:
            raise FormatError(name, [Problem(expected=FORMAT, found=repr(document.format), key="format")])
        columns = document.per_image
        return cls(
            values={key: math.nan if value is None else value for key, value in document.values.items()},
            protocol=protocol,
            images=document.images,
            predictions=Side(**msgspec.structs.asdict(document.predictions)),
            annotations=Side(**msgspec.structs.asdict(document.annotations)),
            warnings=tuple(document.warnings),
            per_image=None if columns is None else {key: _column(values) for key, values in columns.items()},
            about=document.about,
            version=document.version,
            evidence=None if document.evidence is None else EvidenceFile(**document.evidence),
            certainty=_certainty(document),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the per-image table as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            One row for each image, one column for each quantity.

        Raises
        ------
        UsageError
            If the report has no per-image table.

        Examples
        --------
        >>> side = Side(name="model.json", fingerprint="ab", points=7)
        >>> table = {"image": np.array(["a"], dtype=object), "count_error": np.array([2.0])}
        >>> report = Report(
        ...     values={}, protocol=Protocol(), images=1, predictions=side, annotations=side, per_image=table
        ... )
        >>> report.to_frame()["count_error"].tolist()
        [2.0]
        """
        import pandas as pd

        if self.per_image is None:
            raise UsageError("this report has no per-image table; make one by evaluate(..., per_image=True)")
        return pd.DataFrame(dict(self.per_image))


class _Side(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    fingerprint: str
    points: int
    hashes: dict[str, str] = {}
    changes: dict[str, str] = {}


class _Document(msgspec.Struct):
    format: str
    values: dict[str, float | None]
    signature: str
    images: int
    predictions: _Side
    annotations: _Side
    warnings: list[str] = []
    version: str = ""
    about: dict[str, str] = {}
    errors: dict[str, float] = {}
    intervals: dict[str, tuple[float, float, IntervalMethod, Trust, float]] = {}
    influence: dict[str, tuple[str, float, float]] = {}
    reasons: dict[str, str] = {}
    resampling: str = ""
    bound: float = 0.0
    evidence: dict[Literal["file", "hash"], str] | None = None
    per_image: dict[str, list[float | int | str | None]] | None = None


def _certainty_document(certainty: Certainty) -> dict[str, Any]:
    """Return the entries of a report about certainty; none where it was not asked for."""
    document: dict[str, Any] = {}
    if certainty.errors:
        document["errors"] = dict(certainty.errors)
    if certainty.reasons:
        document["reasons"] = dict(certainty.reasons)
    if certainty.influence:
        document["influence"] = {key: [own.image, own.share, own.without] for key, own in certainty.influence.items()}
    if certainty.settings:
        document["intervals"] = {
            key: [own.low, own.high, own.method, own.reliable, own.effective]
            for key, own in certainty.intervals.items()
        }
        document |= {"resampling": certainty.settings, "bound": certainty.bound}
    return document


def _certainty(document: _Document) -> Certainty:
    return Certainty(
        errors=document.errors,
        intervals={key: Interval(*own) for key, own in document.intervals.items()},
        influence={key: Influence(*own) for key, own in document.influence.items()},
        reasons=document.reasons,
        bound=document.bound,
        settings=document.resampling,
    )


def _column(values: list[Any]) -> NDArray[Any]:
    """Return a column of the per-image table: ids as objects, or numbers with NaN for null."""
    if values and isinstance(values[0], str):
        return np.array(values, dtype=object)
    return np.array([math.nan if value is None else value for value in values])
