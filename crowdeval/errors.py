"""What can go wrong, said in the user's words: the error tree, the problems of a file, the named warnings.

Every error knows the exit code that the command line ends with; nothing but ``crowdeval.cli`` acts on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHOWN = 20
"""How many problems of one file are spelled out before the rest is only counted."""

NEAR = 3
"""How many near words are suggested for an unknown one."""

WIDTH = 60
"""Characters of a value that are shown in a message."""


class CrowdevalError(Exception):
    """Base of every error this package raises on purpose; ``exit_code`` is the command line's."""

    exit_code = 3


class UsageError(CrowdevalError, ValueError):
    """An option, a metric string or an argument does not mean anything."""

    exit_code = 2


class InputError(CrowdevalError, ValueError):
    """Arrays of a wrong shape, type or value."""


class MissingFileError(CrowdevalError, OSError):
    """A file, folder or dataset is not there or can't be read."""

    exit_code = 4


class AlignmentError(CrowdevalError, ValueError):
    """Predictions and annotations do not speak of the same images."""


class NeedsError(CrowdevalError, ValueError):
    """A metric was asked for by name and the data lack what it needs."""


class PredictorError(CrowdevalError):
    """A predictor can't be made, failed, or answered something that is no prediction."""

    exit_code = 5


class GateError(CrowdevalError):
    """A number is below what ``--fail-under`` asks."""

    exit_code = 10


class CrowdevalWarning(UserWarning):
    """Base of the warnings of this package."""


class NoticeWarning(CrowdevalWarning):
    """Base of the warnings that repeat a notice of a report."""


class UndefinedMetricWarning(NoticeWarning):
    """A metric has no value on this input (for example AP without true points) and is NaN."""


class TiedConfidencesWarning(NoticeWarning):
    """Predictions share their confidence, and their order would move a value visibly."""


class NoConfidencesWarning(NoticeWarning):
    """The predictions carry no confidences, so that average precision is precision times recall."""


class OffImageWarning(NoticeWarning):
    """Points lie outside their image."""


class ScaleWarning(NoticeWarning):
    """True points have no scale of their own, or predictions seem to be in the frame of a resized image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a file: where it is, what was expected, what was found, what may help."""

    expected: str
    found: str
    line: int | None = None
    key: str | None = None
    image: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line is not None else []
        where += [self.key] if self.key else []
        where += [f"image {self.image!r}"] if self.image is not None else []
        text = f"expected {self.expected}, found {self.found}"
        text = f"{', '.join(where)}: {text}" if where else text
        return f"{text} ({self.hint})" if self.hint else text


class FormatError(CrowdevalError, ValueError):
    """A file's content is not what its format says; carries every problem found.

    Attributes
    ----------
    file : str
        The file's name as the user gave it.
    problems : tuple of Problem
        The problems that are spelled out, at most ``SHOWN``.
    total : int
        How many there are in all.
    """

    def __init__(self, file: str, problems: Sequence[Problem], total: int | None = None) -> None:
        self.file = file
        self.problems = tuple(problems[:SHOWN])
        self.total = len(problems) if total is None else total
        super().__init__(file, self.problems, self.total)

    def __str__(self) -> str:
        if self.total == 1:
            return f"{self.file}: {self.problems[0]}"
        rest = self.total - len(self.problems)
        lines = [f"{self.file}: {self.total} problems", *(f"  {problem}" for problem in self.problems)]
        return "\n".join([*lines, f"  and {rest} more"] if rest else lines)


class Problems:
    """Collects the problems of one file; spells out the first ``SHOWN`` and counts the rest."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.total = 0
        self._shown: list[Problem] = []

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
        """Note one problem."""
        self.total += 1
        if len(self._shown) < SHOWN:
            self._shown.append(Problem(expected=expected, found=found, line=line, key=key, image=image, hint=hint))

    def __bool__(self) -> bool:
        return self.total > 0

    def error(self) -> FormatError:
        """Return the error that carries what was collected."""
        return FormatError(self.file, self._shown, self.total)

    def raise_if_any(self) -> None:
        """Raise the collected problems, if there are any."""
        if self.total:
            raise self.error()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x' or 'y'?"``, or nothing where no known word is near.

    >>> did_you_mean("nap", ["nAP", "MAE"])
    "; did you mean 'nAP'?"
    """
    import difflib

    candidates = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), candidates, n=NEAR, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(candidates[name]) for name in near)}?" if near else ""


def listed(items: Iterable[str], *, most: int = 5) -> str:
    """Return the first items quoted and comma-separated, the rest as a count.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    names = list(items)
    head = ", ".join(repr(name) for name in names[:most])
    return f"{head} and {len(names) - most} more" if len(names) > most else head


def shown(value: object) -> str:
    """Return a short, printable rendering of a found value, in JSON's words.

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
