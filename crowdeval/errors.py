"""Errors and warnings of the package, and the words of their messages.

Every error class has the exit code with which the command line ends; only ``crowdeval.cli`` uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crowdeval.problems import SHOWN as SHOWN
from crowdeval.problems import Problem as Problem
from crowdeval.problems import ProblemGroups

NEAR = 3
"""Number of similar words that are suggested for an unknown one."""

WIDTH = 60
"""Number of characters of a value that a message shows."""


class CrowdevalError(Exception):
    """Base class of all errors that this package raises on purpose; ``exit_code`` is for the command line."""

    exit_code = 3


class UsageError(CrowdevalError, ValueError):
    """An option, a metric string or an argument is not valid."""

    exit_code = 2


class InputError(CrowdevalError, ValueError):
    """An array has a wrong shape, a wrong type or a wrong value."""


class MissingFileError(CrowdevalError, OSError):
    """A file, a folder or a dataset does not exist or can't be read."""

    exit_code = 4


class AlignmentError(CrowdevalError, ValueError):
    """Predictions and annotations are not of the same images."""


class NeedsError(CrowdevalError, ValueError):
    """A metric was requested by name and the data lack something that it needs."""


class PredictorError(CrowdevalError):
    """A predictor can't be created, fails, or returns something that is not a prediction.

    Attributes
    ----------
    trace : str
        The traceback of the predictor's own exception, for its author; empty where there is none.
    """

    exit_code = 5
    trace: str = ""


class GateError(CrowdevalError):
    """A value misses a limit that ``--fail-under`` or ``--fail-over`` sets."""

    exit_code = 10


class GateUndecidedError(CrowdevalError):
    """The interval of a value, or of a difference, does not decide whether a bound is met."""

    exit_code = 11


class CrowdevalWarning(UserWarning):
    """Base class of the warnings of this package."""


class NoticeWarning(CrowdevalWarning):
    """Base class of the warnings that repeat a notice of a report."""


class UndefinedMetricWarning(NoticeWarning):
    """A metric has no value on this input (for example AP without true points) and is NaN."""


class TiedConfidencesWarning(NoticeWarning):
    """Several predictions have the same confidence, and another order of them would change a value visibly."""


class NoConfidencesWarning(NoticeWarning):
    """The predictions have no confidences, so that average precision is precision times recall."""


class OffImageWarning(NoticeWarning):
    """Points lie outside their image."""


class FrameWarning(NoticeWarning):
    """Predictions seem to be in another coordinate frame than the true points."""


class ScaleWarning(NoticeWarning):
    """True points have no scale of their own."""


class ClassesWarning(NoticeWarning):
    """Points of several classes are scored as one, or the two sides share no class."""


class CopiesWarning(NoticeWarning):
    """Points are exact copies of others."""


class CountsWarning(NoticeWarning):
    """All estimated counts are one multiple of the true ones."""


class IdsWarning(NoticeWarning):
    """Predicted images are left out, or their ids seem to mean other images."""


class FormatError(CrowdevalError, ValueError):
    """The content of a file does not follow its format; the error has every problem of the file.

    Parameters
    ----------
    file : str
        The name of the file as the user gave it.
    problems : sequence of Problem
        The problems; the error keeps the first ``SHOWN``.
    total : int, optional
        Number of problems, where there are more than ``problems``.
    groups : ProblemGroups, optional
        All problems of the file in groups of equal ones, for the message; by default those of ``problems``.

    Attributes
    ----------
    file : str
        The name of the file as the user gave it.
    problems : tuple of Problem
        The first problems, at most ``SHOWN``, one by one.
    total : int
        Number of problems of the file.

    Examples
    --------
    >>> problem = Problem(expected="a number", found="'x'", line=2)
    >>> print(FormatError("points.csv", [problem]))
    points.csv: line 2: expected a number, found 'x'
    """

    def __init__(
        self, file: str, problems: Sequence[Problem], total: int | None = None, *, groups: ProblemGroups | None = None
    ) -> None:
        self.file = file
        self.problems = tuple(problems[:SHOWN])
        self.total = len(problems) if total is None else total
        self._groups = groups or ProblemGroups(problems)
        super().__init__(file, self.problems, self.total)  # a pickled copy gets _groups from the instance's __dict__

    def __str__(self) -> str:
        if self.total == 1:
            return f"{self.file}: {self.problems[0]}"
        rest = self.total - self._groups.total()
        lines = [f"{self.file}: {self.total} problems", *(f"  {line}" for line in self._groups.lines())]
        return "\n".join([*lines, f"  and {rest} more"] if rest else lines)


class Problems:
    """The problems of one file, collected while it is read.

    The first ``SHOWN`` problems are kept one by one, and all problems are grouped for the message.

    Parameters
    ----------
    file : str
        The name of the file as the user gave it.

    Attributes
    ----------
    file : str
        The name of the file as the user gave it.
    total : int
        Number of problems so far.

    Examples
    --------
    >>> problems = Problems("points.csv")
    >>> for line in (2, 3, 7):
    ...     problems.add("a number", "'x'", line=line)
    >>> print(problems.error())
    points.csv: 3 problems
      lines 2..3, 7: expected a number, found 'x' (3 times)
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.total = 0
        self._first: list[Problem] = []
        self._groups = ProblemGroups()

    def add(
        self,
        expected: str,
        found: str,
        *,
        line: int | None = None,
        key: str | None = None,
        image: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Add one problem.

        Parameters
        ----------
        expected, found : str
            The content that the file should have, and the content that it has.
        line, key, image : optional
            The line, the key path and the id of the image where the problem is.
        hint : str, optional
            A possible mend.
        """
        problem = Problem(expected=expected, found=found, line=line, key=key, image=image, hint=hint)
        self.total += 1
        self._groups.add(problem)
        if len(self._first) < SHOWN:
            self._first.append(problem)

    def __bool__(self) -> bool:
        return self.total > 0

    def error(self) -> FormatError:
        """Return a FormatError with all problems so far."""
        return FormatError(self.file, self._first, self.total, groups=self._groups)

    def raise_if_any(self) -> None:
        """Raise FormatError with all problems so far, if there are any."""
        if self.total:
            raise self.error()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests similar words.

    Parameters
    ----------
    word : str
        The unknown word.
    known : iterable of str
        The valid words.

    Returns
    -------
    str
        ``"; did you mean 'x' or 'y'?"``, or an empty string where no valid word is similar.

    Examples
    --------
    >>> did_you_mean("nap", ["nAP", "MAE"])
    "; did you mean 'nAP'?"
    """
    import difflib

    candidates = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), candidates, n=NEAR, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(candidates[name]) for name in near)}?" if near else ""


def listed(items: Iterable[str], *, most: int = 5) -> str:
    """Return items as text: the first ones in quotes, the number of the others.

    Parameters
    ----------
    items : iterable of str
        The items.
    most : int
        Number of items that are named.

    Returns
    -------
    str

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    names = list(items)
    head = ", ".join(repr(name) for name in names[:most])
    return f"{head} and {len(names) - most} more" if len(names) > most else head


def shown(value: object) -> str:
    """Return a value as short text for a message, in the words of JSON.

    Parameters
    ----------
    value : object
        A value that a file holds, or that a user gave.

    Returns
    -------
    str
        At most ``WIDTH`` characters.

    Examples
    --------
    >>> shown(None), shown(True), shown([1] * 9)
    ('null', 'true', 'a list of 9')
    """
    match value:
        case None:
            text = "null"
        case bool():
            text = str(value).lower()
        case int() if abs(value) > 10**18:
            text = "a very large integer"
        case str():
            text = repr(value[: 2 * WIDTH])
        case list() if len(value) > 6:
            text = f"a list of {len(value)}"
        case dict() if value:
            text = f"an object with the keys {listed([str(key) for key in value], most=4)}"
        case _:
            text = repr(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
