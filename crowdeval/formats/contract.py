"""What a format is: the protocol every one of them keeps, and the words for what one can't carry."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, runtime_checkable

from crowdeval.errors import CrowdevalWarning, UsageError, listed
from crowdeval.formats.source import Source
from crowdeval.points.sets import Annotations, Predictions

Kind = Literal["predictions", "annotations"]


@runtime_checkable
class Format(Protocol):
    """One file format: a name, the file suffixes that go with it, and four directions.

    A reader raises FormatError and nothing else; a direction that a format does not have raises UsageError.
    """

    @property
    def name(self) -> str:
        """What the format is called in ``format=`` and on the command line."""

    @property
    def suffixes(self) -> Sequence[str]:
        """Lower-case file suffixes with the dot; the first is the usual one."""

    @property
    def summary(self) -> str:
        """One line for the list of formats."""

    def recognises(self, source: Source) -> bool:
        """Return whether the content looks like this format; cheap, and never raises."""

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a file."""

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a file."""

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return the content of a file of predictions."""

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return the content of a file of annotations."""


def warn_not_kept(form: str, columns: Iterable[str]) -> None:
    """Say aloud what a file of this format will not hold."""
    names = list(columns)
    if names:
        warn(f"the format {form!r} does not keep {listed(names, most=20)}")


def counted(number: int, one: str, more: str | None = None) -> str:
    """Return a number with its noun.

    >>> counted(1, "point"), counted(2000, "point"), counted(2, "box", "boxes")
    ('1 point', '2,000 points', '2 boxes')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def attributes_named(annotations: Annotations) -> list[str]:
    """Return the attributes of images and points as messages name them."""
    names = [f"attribute {name}" for name in annotations.attributes]
    return names + [f"point attribute {name}" for name in annotations.point_attributes]


def warn(message: str) -> None:
    """Warn the caller of a reading or writing function."""
    warnings.warn(message, CrowdevalWarning, stacklevel=4)


def require_points(form: str, predictions: Predictions) -> None:
    """Raise UsageError where predictions without locations go to a format of points."""
    if not predictions.located:
        raise UsageError(
            f"these predictions are counts without points, which the format {form!r} can't hold; "
            "'json', 'jsonl', 'csv' and 'parquet' can"
        )


def require_plain_ids(form: str, image_ids: Iterable[str], forbidden: str, what: str) -> None:
    """Raise UsageError where an image id holds a character that the format can't hold."""
    bad = [name for name in image_ids if not set(forbidden).isdisjoint(name)]
    if bad:
        raise UsageError(f"the format {form!r} can't hold image ids with {what}: {listed(bad)}")
