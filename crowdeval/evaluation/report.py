"""Report: the values, what they were measured on and how; JSON both ways."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import FormatError, Problem, UsageError, did_you_mean
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.sides import Side
from crowdeval.metrics import canonical

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "crowdeval/report@2"

FORMATS = (FORMAT, "crowdeval/report@1")
"""Versions that are read; the first one has no hashes by column."""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """The file of evidence that a report was written with, as seen from the report's folder; the hash of its bytes."""

    file: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """The outcome of an evaluation.

    Attributes
    ----------
    values : mapping of str to float
        Number by canonical metric string; NaN where undefined.
    protocol : Protocol
        How they were measured; its signature is printed beside them.
    images : int
        Number of images.
    predictions, annotations : Side
        Name, fingerprint and number of points of the inputs.
    warnings : tuple of str
        ``"name: sentence"`` each.
    per_image : mapping of str to array, (m,), or None
        One column a quantity, with the column ``image`` of ids, where asked for.
    about : mapping of str to str
        What is known of the predictions' origin: model, revision, dataset, split, selected_on, date, ...
    version : str
        The version of crowdeval that measured.
    evidence : EvidenceFile, optional
        The evidence that was written beside it.
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

    @property
    def signature(self) -> str:
        """The protocol's signature."""
        return self.protocol.signature

    def __getitem__(self, metric: str) -> float:
        """Return the value of a metric, in any spelling (``MSE`` is ``RMSE``); KeyError names the near ones."""
        name = metric if metric in self.values else self._canonical(metric)
        if name not in self.values:
            raise KeyError(f"{metric!r} was not measured{did_you_mean(metric, self.values)}")
        return self.values[name]

    @staticmethod
    def _canonical(metric: str) -> str:
        try:
            return canonical(metric)
        except UsageError:
            return metric

    def to_json(self) -> str:
        """Return the report as JSON text; NaN is written as null."""
        sides = {"predictions": self.predictions, "annotations": self.annotations}
        document: dict[str, Any] = {
            "format": FORMAT,
            "version": self.version,
            "values": dict(self.values),
            "signature": self.signature,
            "warnings": list(self.warnings),
            "images": self.images,
            **{
                name: {
                    "name": side.name,
                    "fingerprint": side.fingerprint,
                    "points": side.points,
                    "hashes": dict(side.hashes),
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
        """Return the report that ``to_json`` wrote.

        Parameters
        ----------
        text : str or bytes
            The JSON document.
        name : str
            What messages call it: the file's name.

        Raises
        ------
        FormatError
            If it is not a report, or of another version of the format.
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
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the per-image table, one row an image; raise UsageError where it was not asked for."""
        import pandas as pd

        if self.per_image is None:
            raise UsageError("this report has no per-image table: evaluate(..., per_image=True)")
        return pd.DataFrame(dict(self.per_image))


class _Side(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    fingerprint: str
    points: int
    hashes: dict[str, str] = {}


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
    evidence: dict[Literal["file", "hash"], str] | None = None
    per_image: dict[str, list[float | int | str | None]] | None = None


def _column(values: list[Any]) -> NDArray[Any]:
    if values and isinstance(values[0], str):
        return np.array(values, dtype=object)
    return np.array([math.nan if value is None else value for value in values])
