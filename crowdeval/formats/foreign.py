"""The format of another tool, which is read and not written: a function that recognises it and one that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crowdeval.errors import UsageError
from crowdeval.formats.reading import Reading
from crowdeval.formats.source import Source
from crowdeval.points.sets import Annotations, Predictions

_READ_ONLY = "the format {0!r} is read and not written; write 'json', 'jsonl', 'csv', 'parquet', 'nwpu' or 'coco'"


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """The format of another tool, which is read and not written.

    The attributes and methods are those of ``contract.Format``; two functions make it.

    Parameters
    ----------
    looks_right : callable
        The function that ``recognises`` calls.
    read : callable
        A function that fills a Reading.

    Examples
    --------
    >>> def read(reading):
    ...     reading.point(reading.image("a"), 1, 2)
    >>> form = ForeignFormat("dots", (".dots",), "files of dots", lambda source: False, read)
    >>> form.read_predictions(Source("a.dots", b"")).xy.tolist()
    [[1.0, 2.0]]
    """

    name: str
    suffixes: tuple[str, ...]
    summary: str
    looks_right: Callable[[Source], bool]
    read: Callable[[Reading], None]

    def recognises(self, source: Source) -> bool:
        """Return whether the content looks like this format."""
        return self.looks_right(source)

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a file."""
        reading = Reading(source, "predictions")
        self.read(reading)
        return reading.predictions()

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a file."""
        reading = Reading(source, "annotations")
        self.read(reading)
        return reading.annotations()

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Raise UsageError."""
        raise UsageError(_READ_ONLY.format(self.name))

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Raise UsageError."""
        raise UsageError(_READ_ONLY.format(self.name))
