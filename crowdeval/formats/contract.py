"""The protocol that every format follows, and the messages that formats share."""

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
    """A file format: its name, its file suffixes, two readers and two writers.

    A format that can't read or write one of the two kinds raises UsageError in that method. Warnings are
    CrowdevalWarnings: about content that is not read, and about columns that are not written.
    """

    @property
    def name(self) -> str:
        """Name of the format in ``format=`` and on the command line."""

    @property
    def suffixes(self) -> Sequence[str]:
        """Lower-case file suffixes with the dot; the first is the usual one."""

    @property
    def summary(self) -> str:
        """One line for the list of formats."""

    def recognises(self, source: Source) -> bool:
        """Return whether the content looks like this format.

        Parameters
        ----------
        source : Source
            The file.

        Returns
        -------
        bool
            True on a quick look at the content, whatever the suffix is. The method never raises.
        """

    def read_predictions(self, source: Source) -> Predictions:
        """Return the predictions of a file.

        Parameters
        ----------
        source : Source
            The file.

        Returns
        -------
        Predictions
            Images in the order of the file, coordinates in pixels.

        Raises
        ------
        FormatError
            If the content does not follow the format; the error has every problem. No other error is raised.
        """

    def read_annotations(self, source: Source) -> Annotations:
        """Return the annotations of a file.

        Parameters
        ----------
        source : Source
            The file.

        Returns
        -------
        Annotations
            Images in the order of the file, coordinates in pixels.

        Raises
        ------
        FormatError
            If the content does not follow the format; the error has every problem. No other error is raised.
        """

    def write_predictions(self, predictions: Predictions) -> bytes:
        """Return the content of a file of predictions.

        Parameters
        ----------
        predictions : Predictions
            The predictions.

        Returns
        -------
        bytes
            The uncompressed content.

        Raises
        ------
        UsageError
            If the format can't store such predictions.
        """

    def write_annotations(self, annotations: Annotations) -> bytes:
        """Return the content of a file of annotations.

        Parameters
        ----------
        annotations : Annotations
            The annotations.

        Returns
        -------
        bytes
            The uncompressed content.

        Raises
        ------
        UsageError
            If the format can't store such annotations.
        """


def warn_not_kept(form: str, columns: Iterable[str]) -> None:
    """Warn of the columns that a file of this format does not store.

    Parameters
    ----------
    form : str
        The name of the format.
    columns : iterable of str
        The columns that are lost; without any there is no warning.

    Examples
    --------
    >>> warn_not_kept("nwpu", [])
    """
    names = list(columns)
    if names:
        warn(f"the format {form!r} does not keep {listed(names, most=20)}")


def counted(number: int, one: str, more: str | None = None) -> str:
    """Return a number with its noun, for a message.

    Parameters
    ----------
    number : int
        The number.
    one : str
        The noun in the singular.
    more : str, optional
        The noun in the plural; by default the singular with an s.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "point"), counted(2000, "point"), counted(2, "box", "boxes")
    ('1 point', '2,000 points', '2 boxes')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def attributes_named(annotations: Annotations) -> list[str]:
    """Return the words for the attributes of images and points in messages.

    Parameters
    ----------
    annotations : Annotations
        The annotations.

    Returns
    -------
    list of str

    Examples
    --------
    >>> annotations = Annotations(image_ids=["a"], offsets=[0, 0], xy=[], attributes={"scene": ["street"]})
    >>> attributes_named(annotations)
    ['attribute scene']
    """
    names = [f"attribute {name}" for name in annotations.attributes]
    return names + [f"point attribute {name}" for name in annotations.point_attributes]


def warn(message: str) -> None:
    """Issue a CrowdevalWarning in the name of the caller of a reading or writing function.

    Parameters
    ----------
    message : str
        The text of the warning.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("p.csv: points of 2 labels are read as one class")
    >>> print(caught[0].message)
    p.csv: points of 2 labels are read as one class
    """
    warnings.warn(message, CrowdevalWarning, stacklevel=4)


def require_points(form: str, predictions: Predictions) -> None:
    """Check that predictions have points in pixels, for a format that stores nothing else.

    Parameters
    ----------
    form : str
        The name of the format.
    predictions : Predictions
        The predictions that are written.

    Raises
    ------
    UsageError
        If the predictions are counts without points, or their points are parts of width and height.

    Examples
    --------
    >>> require_points("nwpu", Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1, 2]]))
    """
    if not predictions.located:
        raise UsageError(
            f"these predictions are counts without points, which the format {form!r} can't hold; "
            "use 'json', 'jsonl', 'csv' or 'parquet'"
        )
    if predictions.sizes is not None and (predictions.sizes[predictions.points.counts > 0] == 1).any():
        raise UsageError(
            f"these points are parts of width and height, which the format {form!r} can't say; name the images, whose "
            "sizes bring them to pixels (--images DIR), or use 'json', 'jsonl', 'csv' or 'parquet'"
        )


def require_ids_without(form: str, image_ids: Iterable[str], characters: str, description: str) -> None:
    """Check that image ids have no character that the format can't store.

    Parameters
    ----------
    form : str
        The name of the format.
    image_ids : iterable of str
        The image ids.
    characters : str
        The characters that the format can't store.
    description : str
        The words for these characters in the message.

    Raises
    ------
    UsageError
        If an image id holds such a character.

    Examples
    --------
    >>> require_ids_without("csv", ["a\\nb"], "\\r\\n", "line breaks")
    Traceback (most recent call last):
    ...
    crowdeval.errors.UsageError: the format 'csv' can't hold image ids with line breaks: 'a\\nb'
    """
    bad = [name for name in image_ids if not set(characters).isdisjoint(name)]
    if bad:
        raise UsageError(f"the format {form!r} can't hold image ids with {description}: {listed(bad)}")
