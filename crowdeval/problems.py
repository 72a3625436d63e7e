"""One problem of a file, and equal problems of a file as one line of a message.

Equal problems have the same text and the same kind of place: only the line, the indexes in the key path and the
image differ. Fifty wrong cells of one CSV column are one line of the message with its places and its count::

    lines 2, 5, 9 ... 812: expected a number in 'x', found 'n/a' (50 times)
    images[0..11].width: expected a positive number, found 0 (12 times)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

SHOWN = 20
"""Number of different problems of one file that a message shows; the others are only counted."""

_PLACES = 3
"""Number of places (or ranges of places) of equal problems that a message shows before the last one."""

_WORD = re.compile(r'("(?:[^"\\]|\\.)*"|[\w-]+)')
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")

_Place = tuple[int | str | None, ...]
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem of a file: where it is, what was expected, what was found, and a hint.

    Parameters
    ----------
    expected : str
        The content that the file should have in this place.
    found : str
        The content that the file has.
    line : int, optional
        The line of the file, counted from 1.
    key : str, optional
        The key path in the file: ``images[17].points[3][1]``.
    image : str, optional
        The id of the image.
    hint : str, optional
        A possible mend.

    Examples
    --------
    >>> print(Problem(expected="a number", found="'12,5'", line=4, hint="decimals are written with a point"))
    line 4: expected a number, found '12,5' (decimals are written with a point)
    """

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
        return _sentence(where, self)


class ProblemGroups:
    """The problems of one file in groups of equal ones, at most ``SHOWN`` groups.

    A group keeps its places as a few ranges: a million equal problems take no more memory than ten.

    Parameters
    ----------
    problems : iterable of Problem
        The first problems to add.

    Examples
    --------
    >>> groups = ProblemGroups(Problem(expected="a number", found="'x'", line=line) for line in (2, 3, 4, 9))
    >>> groups.lines()
    ["lines 2..4, 9: expected a number, found 'x' (4 times)"]
    """

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._groups: dict[tuple[object, ...], _Group] = {}
        for problem in problems:
            self.add(problem)

    def add(self, problem: Problem) -> None:
        """Add a problem to its group; leave it out where it needs a new group and there are ``SHOWN`` already."""
        kind, place = _kind_and_place(problem)
        group = self._groups.get(kind)
        if group is None:
            if len(self._groups) == SHOWN:
                return
            group = self._groups[kind] = _Group(problem, place)
        group.add(problem, place)

    def lines(self) -> list[str]:
        """Return the text of every group, in the order of their first problems."""
        return [str(group) for group in self._groups.values()]

    def total(self) -> int:
        """Return the number of problems in all groups."""
        return sum(group.count for group in self._groups.values())


class _Group:
    """Equal problems: the first one, their number, their places and images."""

    def __init__(self, problem: Problem, place: _Place) -> None:
        self.count = 0
        self._problem = problem
        self._place = place
        self._varying: set[int] = set()  # the positions in a place that differ between the problems
        self._ranges: _FirstAndLast[tuple[_Place, _Place]] = _FirstAndLast()
        self._images: _FirstAndLast[str] = _FirstAndLast()

    def add(self, problem: Problem, place: _Place) -> None:
        self.count += 1
        pairs = zip(self._place, place, strict=True)
        self._varying.update(i for i, (first, value) in enumerate(pairs) if first != value)
        ranges = self._ranges.items
        if ranges and _continues(*ranges[-1], place):
            ranges[-1] = (ranges[-1][0], place)
        elif not ranges or place != ranges[-1][1]:
            self._ranges.add((place, place))
        if problem.image is not None and problem.image not in self._images.items:
            self._images.add(problem.image)

    def __str__(self) -> str:
        if self.count == 1:
            return str(self._problem)
        where = [text for text in (self._places(), self._image_names()) if text]
        return f"{_sentence(where, self._problem)} ({self.count:,} times)"

    def _places(self) -> str:
        """Return the places: ``images[0..3, 7]`` where one number varies, else a list of whole places."""
        if len(self._varying) > 1:
            return self._ranges.text(lambda ends: self._filled(list(map(_range, *ends))), "; ")
        texts = [_range(value, value) for value in self._place]
        if self._varying:
            (i,) = self._varying
            texts[i] = self._ranges.text(lambda ends: _range(ends[0][i], ends[1][i]), ", ")
        return self._filled(texts)

    def _filled(self, texts: Sequence[str]) -> str:
        """Return the line and the key path of the first problem with these texts in place of its numbers."""
        line, *numbers = texts
        words, slots = _words(self._problem)
        for slot, number in zip(slots, numbers, strict=True):
            words[slot] = number
        lines = f"{'line' if line.isdecimal() else 'lines'} {line}" if line else ""
        return ", ".join(text for text in (lines, "".join(words)) if text)

    def _image_names(self) -> str:
        names = self._images.text(repr, ", ")
        return names and f"image{'s' if len(self._images.items) > 1 else ''} {names}"


class _FirstAndLast(Generic[_Item]):
    """A list of which a message shows the first ``_PLACES`` items and the last one; others are dropped."""

    def __init__(self) -> None:
        self.items: list[_Item] = []
        self._dropped = False

    def add(self, item: _Item) -> None:
        self.items.append(item)
        if len(self.items) > _PLACES + 1:
            del self.items[_PLACES]
            self._dropped = True

    def text(self, text: Callable[[_Item], str], separator: str) -> str:
        texts = list(map(text, self.items))
        if not self._dropped:
            return separator.join(texts)
        return f"{separator.join(texts[:-1])} ... {texts[-1]}"


def _sentence(where: Sequence[str], problem: Problem) -> str:
    text = f"expected {problem.expected}, found {problem.found}"
    text = f"{', '.join(where)}: {text}" if where else text
    if problem.hint and "\n" in problem.hint:  # lines to copy
        return f"{text}; {problem.hint}"
    return f"{text} ({problem.hint})" if problem.hint else text


def _words(problem: Problem) -> tuple[list[str], list[int]]:
    """Return a key path in parts, and the positions of those parts that are an index or the id of the image."""
    # 'points.IMG_4[1][0]' of image IMG_4 -> ['', 'points', '.', 'IMG_4', '[', '1', '][', '0', ']'], slots [3, 5, 7]:
    # odd positions are words and numbers, even positions are the text between them. A number is an index after
    # "[" or a blank ("number 1 of point 3"); elsewhere it is a name ("attributes.2020").
    words = _WORD.split(problem.key or "")
    slots = [
        i
        for i in range(1, len(words), 2)
        if words[i].strip('"') == problem.image or (words[i - 1].endswith(("[", " ")) and _INDEX.fullmatch(words[i]))
    ]
    return words, slots


def _kind_and_place(problem: Problem) -> tuple[tuple[object, ...], _Place]:
    """Return the part that equal problems share, and the place in which they differ: line, indexes, image id."""
    words, slots = _words(problem)
    place = (problem.line, *(int(words[i]) if _INDEX.fullmatch(words[i]) else words[i] for i in slots))
    for slot in slots:
        words[slot] = ""
    given = problem.line is None, problem.image is None
    return (problem.expected, problem.found, problem.hint, given, tuple(words), tuple(slots)), place


def _continues(start: _Place, end: _Place, place: _Place) -> bool:
    """Return whether a place is the next one of a range: one number is larger by 1, the others are equal."""
    # range (2, 7)..(4, 7): place (5, 7) -> True; place (5, 8) -> False, two numbers differ from the end
    differing = [i for i, (last, value) in enumerate(zip(end, place, strict=True)) if last != value]
    if len(differing) != 1:
        return False
    (i,) = differing
    last, others_equal = end[i], all(start[j] == place[j] for j in range(len(place)) if j != i)
    return isinstance(last, int) and place[i] == last + 1 and others_equal


def _range(start: int | str | None, end: int | str | None) -> str:
    if start is None:
        return ""
    return f"{start}" if start == end else f"{start}..{end}"
