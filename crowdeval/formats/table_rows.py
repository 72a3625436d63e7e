"""The rows of a long table, as CSV and Parquet give them: an image, numbers and texts for every row, and problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import Problems
from crowdeval.formats.contract import counted, warn
from crowdeval.formats.table_headers import BOX
from crowdeval.points.ragged import Flags, Floats, Integers

_MISSING = ("", "na", "nan", "none", "null", "n/a", "<na>")
_CLASS_NUMBER = re.compile(r"([+-]?[0-9]+)(\.0*)?")

_MOST_ROWS = 100_000
"""Number of wrong rows of a column that are examined for a message; more are only counted."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts in which equal texts are one.

    Parameters
    ----------
    values : tuple of str
        The different texts.
    codes : array of int, (n,)
        The position of the text of every row in ``values``; -1 stands for an empty text.

    Examples
    --------
    >>> Texts(("elephant", "zebra"), np.array([1, 0, 1])).of_rows(np.array([0, 2])).tolist()
    ['zebra', 'zebra']
    """

    values: tuple[str, ...]
    codes: Integers

    def of_rows(self, rows: Integers) -> NDArray[np.object_]:
        """Return the texts of some rows.

        Parameters
        ----------
        rows : array of int, (k,)
            The rows.

        Returns
        -------
        array of str, (k,)
        """
        # values ("elephant", "zebra"), codes [1, 0, 1], rows [0, 2] -> ["zebra", "zebra"], two times the same object
        texts: NDArray[np.object_] = np.array([*self.values, ""], dtype=object)[self.codes[rows]]
        return texts


@dataclass(frozen=True, slots=True)
class LongTable:
    """The rows of a table.

    Parameters
    ----------
    problems : Problems
        The problems of the file so far.
    image_ids : tuple of str, (m,)
        The images.
    image : array of int, (n,)
        The index of the image of every row.
    numbers : mapping of str to array of float, (n,)
        The columns of numbers under the names of ``table_headers``; NaN is an empty cell.
    place : callable
        Function of a column name and a row that returns the ``line`` or ``key`` of a Problem.
    attributes : mapping of str to array, (n,)
        The attributes of the points.
    reported : mapping of str to array of bool, (n,)
        The cells whose problem is already in ``problems``.
    texts : mapping of str to Texts, (n,)
        The columns of texts: ``label``, ``bbox`` and ``geometry``.
    zeros_are_empty : bool
        Whether the point (0, 0) alone in an image declares an image without points.

    Examples
    --------
    Two points in image a, and a row without a point, which declares image b:

    >>> table = LongTable(
    ...     problems=Problems("p.csv"),
    ...     image_ids=("a", "b"),
    ...     image=np.array([0, 1, 0]),
    ...     numbers={"x": np.array([1, np.nan, 3]), "y": np.array([2, np.nan, 4])},
    ...     place=lambda name, row: {"line": row + 2},
    ... )
    >>> table.is_point.tolist()
    [True, False, True]
    """

    problems: Problems
    image_ids: tuple[str, ...]
    image: Integers
    numbers: Mapping[str, Floats]
    place: Callable[[str, int], Mapping[str, Any]]
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    reported: Mapping[str, Flags] = field(default_factory=dict)
    texts: Mapping[str, Texts] = field(default_factory=dict)
    zeros_are_empty: bool = False

    @property
    def is_point(self) -> Flags:
        """Whether a row has x or y, (n,)."""
        flags: Flags = ~(np.isnan(self.numbers["x"]) & np.isnan(self.numbers["y"]))
        return flags

    def add_problems(
        self,
        name: str,
        wrong: Flags,
        expected: str,
        found: str | Callable[[int], str] | None = None,
        hint: str | None = None,
    ) -> None:
        """Add a problem for every wrong cell of a column whose problem is not reported yet.

        Parameters
        ----------
        name : str
            The column.
        wrong : array of bool, (n,)
            The wrong cells.
        expected : str
            The content that the cells should have.
        found : str or callable, optional
            The content that they have, or a function of a row that returns it; by default their numbers.
        hint : str, optional
            A possible mend.
        """
        rows = np.flatnonzero(wrong & ~self.reported[name] if name in self.reported else wrong)
        for row in rows[:_MOST_ROWS].tolist():
            value = found(row) if callable(found) else found
            value = f"{self.numbers[name][row]:g}" if value is None else value
            image = self.image_ids[self.image[row]] or None
            self.problems.add(expected, value, image=image, hint=hint, **self.place(name, row))
        self.problems.total += max(0, len(rows) - _MOST_ROWS)

    def with_reported(self, reported: Mapping[str, Flags]) -> LongTable:
        """Return the table with the cells whose problems are reported, and with numbers that make no further problem.

        Parameters
        ----------
        reported : mapping of str to array of bool, (n,)
            The cells whose problem is already in ``problems``.

        Returns
        -------
        LongTable
        """
        # A reported cell of x, y or a box becomes 0, so that its row is still a point; others become empty (NaN):
        # x [1, nan, 3], reported [False, True, False] -> x [1, 0, 3]
        numbers = dict(self.numbers)
        for name, flags in reported.items():
            numbers[name] = np.where(flags, 0.0 if name in ("x", "y", *BOX) else np.nan, numbers[name])
        return replace(self, numbers=numbers, reported=reported)

    def images_without(self, name: str, values: Floats) -> Flags:
        """Return the images without a value, except those where a reported cell is the cause.

        Parameters
        ----------
        name : str
            The column of the image: width, height or count.
        values : array of float, (m,)
            Its value for every image, NaN where unknown.

        Returns
        -------
        array of bool, (m,)
        """
        without = np.isnan(values)
        if name in self.reported:
            # image [0, 0, 1, 2], reported [False, True, False, False] -> image 0 has a reported cell
            without[self.image[self.reported[name]]] = False
        return without


def is_missing(cell: str) -> bool:
    """Return whether a cell is empty, or has a word for "no value" that pandas or R writes.

    Parameters
    ----------
    cell : str
        The text of the cell.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_missing(" "), is_missing("NaN"), is_missing("0")
    (True, True, False)
    """
    return len(cell) < 9 and cell.strip().lower() in _MISSING


def class_texts(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels without blanks around them, and class numbers without decimals.

    Parameters
    ----------
    labels : sequence of str
        The different labels of a file.

    Returns
    -------
    tuple of str
        The labels in the same order.

    Examples
    --------
    A column of whole numbers in which a cell is empty comes out of pandas with decimals:

    >>> class_texts(["1.0", "", "2.0"]), class_texts(["1.0", " kob"])
    (('1', '', '2'), ('1.0', 'kob'))
    """
    texts = tuple(label.strip() for label in labels)
    numbers = [_CLASS_NUMBER.fullmatch(text) for text in texts if text]
    if None in numbers:
        return texts
    return tuple(text.partition(".")[0] for text in texts)


def warn_of_missing(file: str, rows: int) -> None:
    """Warn of rows with a word for "no value" in the place of a point.

    Parameters
    ----------
    file : str
        The name of the file.
    rows : int
        Number of such rows.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_missing("p.csv", 2)
    >>> print(caught[0].message)
    p.csv: 2 rows without coordinates (NA, NaN) are read as images without points
    """
    are = "is read as an image" if rows == 1 else "are read as images"
    warn(f"{file}: {counted(rows, 'row')} without coordinates (NA, NaN) {are} without points")
