"""Headers of long tables: the meaning of every column in the spellings of other tools, and the columns not read.

- Case, blanks, hyphens and underscores do not matter. Where two headers mean one thing, the first spelling of the table
  ``_SPELLINGS`` is read; for labels a column of text comes before a column of numbers.
- The places of the points are x and y, or the corners of boxes, or one corner and the sides, or a text (``bbox`` of
  GWHD, ``geometry`` of DeepForest). A table without them has counts.
- The counts of ``image,gt,pred`` are annotations and predictions. A table of counts by DotDotGoose has a column for
  every class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from crowdeval.errors import Problems, listed
from crowdeval.formats.contract import Kind, warn
from crowdeval.formats.number_spellings import POINT_OR_COMMA
from crowdeval.options import COLUMN_SPELLINGS

BOX = ("x1", "y1", "x2", "y2")
RADII = ("sigma_s", "sigma_l")
SIZE = ("width", "height")
IMAGE_SIZE = ("image_width", "image_height")
"""Columns of the size of the image where width and height would be taken for the sides of boxes."""

TEXTS = ("label", "bbox", "geometry")
CLASS = "count of "
"""Begin of the name of a column with the counts of one class."""

_SPELLINGS = {
    "image": COLUMN_SPELLINGS["image"],
    "x": ("x",),
    "y": ("y",),
    "score": COLUMN_SPELLINGS["score"],
    **{name: (name,) for name in (*RADII, "level", "bbox", "geometry", "count")},
    **{name: (name, name.replace("image", "img")) for name in IMAGE_SIZE},
    "width": ("width", "w"),
    "height": ("height", "h"),
}
"""The meanings of columns, each with its spellings in the order of preference."""

_LABELS = COLUMN_SPELLINGS["label"]
_CORNERS = (BOX, ("x_min", "y_min", "x_max", "y_max"), ("left", "top", "right", "bottom"))
_COUNTS: dict[Kind, tuple[str, ...]] = {
    "predictions": ("pred_count", "predicted_count", "pred", "predicted", "prediction"),
    "annotations": ("gt_count", "true_count", "gt", "true", "truth", "ground_truth"),
}
_ANY_COUNT = ("count", "counts", "num", "number", "n", "total")
_SURVEY = "surveyid"
_NOT_NAMED = ("", "unnamed:0", "indexlevel0", _SURVEY)
"""Keys of the row numbers of pandas and R, and of the name of a survey, which nobody misses."""

_KINDS: tuple[Kind, ...] = ("predictions", "annotations")
_USED: dict[Kind, tuple[str, ...]] = {
    "predictions": ("image", "x", "y", "score", "count", *SIZE, *IMAGE_SIZE, *TEXTS),
    "annotations": ("image", "x", "y", *BOX, *RADII, "level", *SIZE, *IMAGE_SIZE, *TEXTS),
}
LIKE_CONFIDENCE = re.compile(r"(?<!un)certain|conf|prob|score|logit|likelihood|objectness|^obj$|^p$")
"""What headers of confidences have in them, besides those spellings that are read."""

_IMAGE_FILE = re.compile(r".+\.(jpe?g|png|bmp|gif|tiff?|webp)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table that are read.

    Parameters
    ----------
    width : int
        Number of columns of the table.
    names : mapping of int to str
        The names of the columns that are read, by their positions.
    zeros_are_empty : bool
        Whether the point (0, 0) alone in an image declares an image without points, as in the tables of DeepForest.

    Examples
    --------
    >>> Columns(4, {1: "image", 2: "x", 3: "y"}).numbers
    ('x', 'y')
    """

    width: int
    names: Mapping[int, str]
    zeros_are_empty: bool = False

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return tuple(name for name in self.names.values() if name not in ("image", *TEXTS))

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of text, without the image."""
        return tuple(name for name in self.names.values() if name in TEXTS)

    @property
    def places(self) -> tuple[str, ...]:
        """The columns of numbers that say where a point is; none for a table of counts."""
        return tuple(name for name in _places(self.names.values()) or () if name not in TEXTS)


def looks_like_header(headers: Iterable[str]) -> bool:
    """Return whether headers are those of a table of points, boxes or counts.

    Parameters
    ----------
    headers : iterable of str
        The headers.

    Returns
    -------
    bool

    Examples
    --------
    >>> looks_like_header(["image", "X", "Y"]), looks_like_header(["image", "x"]), looks_like_header(["file", "gt"])
    (True, False, True)
    """
    cells = list(headers)
    return any(_is_whole(_meanings(cells, kind, lambda position: False)) for kind in _KINDS)


def read_header(
    headers: Sequence[str],
    kind: Kind,
    problems: Problems,
    *,
    is_number: Callable[[int], bool],
    line: int | None = None,
) -> Columns:
    """Return the columns that are read; add the problems of the headers, and warn of columns that are not read.

    Parameters
    ----------
    headers : sequence of str
        The headers.
    kind : {"predictions", "annotations"}
        The kind that the table should have.
    problems : Problems
        The problems of the file, to which the function adds.
    is_number : callable
        Function of a position that returns whether the column has numbers.
    line : int, optional
        The line of the headers in a text file.

    Returns
    -------
    Columns

    Examples
    --------
    >>> problems = Problems("p.csv")
    >>> read_header(["Image_Path", "X", "y"], "predictions", problems, is_number=lambda position: False).names
    {0: 'image', 1: 'x', 2: 'y'}
    >>> _ = read_header(["image", "x", "z"], "predictions", problems, is_number=lambda position: False, line=1)
    >>> print(problems.error())
    p.csv: line 1: expected the columns 'image', 'x', 'y' and perhaps 'score', found 'image', 'x', 'z'
    """
    keys = [_key(header) for header in headers]
    meanings = _meanings(headers, kind, is_number)
    for name, position in meanings.items():
        if keys.count(keys[position]) > 1:
            same = [header for header, key in zip(headers, keys, strict=True) if key == keys[position]]
            problems.add(f"one column {name!r}", f"the columns {listed(same)}", line=line)
    if not _is_whole(meanings):
        expected = "the columns 'image', 'x', 'y'" + (" and perhaps 'score'" if kind == "predictions" else "")
        missing = [name for name in ("image", "x", "y") if name not in meanings]
        near = {name: get_close_matches(name, [key for key in keys if key], 1, 0.6) for name in missing}
        renamed = [f"{headers[keys.index(key)].strip()!r} to {name!r}" for name, found in near.items() for key in found]
        hint = f"rename {' and '.join(renamed)}" if renamed else None
        if {"annotationid", "leadtime"} <= set(keys):
            hint = "a table of Label Studio: export JSON"
        found = listed([header.strip() for header in headers], most=8) or "no columns"
        problems.add(expected, found, line=line, hint=hint)
    read = set(meanings.values())
    counts = "count" in meanings and not _places(meanings)
    other = {_key(word) for side in _KINDS if counts and side != kind for word in _COUNTS[side]}
    unread = [i for i, key in enumerate(keys) if i not in read and key not in _NOT_NAMED and key not in other]
    if kind == "predictions" and _places(meanings) and "score" not in meanings:
        _add_confidences(headers, [i for i in unread if is_number(i)], problems, line)
    if not problems:
        _warn_of_unread(problems.file, headers, meanings, unread, kind)
    image = meanings.get("image")
    names = {position: name for name, position in sorted(meanings.items(), key=lambda item: item[1])}
    return Columns(len(headers), names, image is not None and keys[image] == "imagepath")


def mend_of_headless(cells: Sequence[str], *, strict: bool) -> str | None:
    """Return the header that a table lacks, where its first line looks like a row.

    Parameters
    ----------
    cells : sequence of str
        The cells of the first line.
    strict : bool
        Whether the first cell has to be the name of an image file; else it may be any text.

    Returns
    -------
    str or None

    Examples
    --------
    >>> mend_of_headless(["IMG_1.jpg", "100", "50"], strict=True)
    'add the header image,x,y'
    >>> mend_of_headless(["IMG_1.jpg", "95", "45", "105", "55", "zebra"], strict=True)
    'add the header image,x1,y1,x2,y2,label'
    >>> mend_of_headless(["image", "x", "y"], strict=False)
    """
    first, rest = cells[0].strip(), [cell.strip() for cell in cells[1:]]
    numbers = [cell for cell in rest if POINT_OR_COMMA.fullmatch(cell)]
    texts = len(rest) - len(numbers)
    is_image = _IMAGE_FILE.fullmatch(first) if strict else first and not POINT_OR_COMMA.fullmatch(first)
    if not is_image or not 2 <= len(rest) <= 6 or not 2 <= len(numbers) <= 5 or texts > 1:
        return None
    places: Iterator[str] = iter((*(("x", "y") if len(numbers) < 4 else BOX), "score"))
    return "add the header " + ",".join(["image", *(next(places) if cell in numbers else "label" for cell in rest)])


def has_both_counts(headers: Iterable[str]) -> bool:
    """Return whether a table has true and predicted counts of its images, and is both sides of a score.

    Parameters
    ----------
    headers : iterable of str
        The headers.

    Returns
    -------
    bool

    Examples
    --------
    >>> has_both_counts(["image", "gt", "pred"]), has_both_counts(["image", "count"])
    (True, False)
    """
    at = {_key(header): i for i, header in enumerate(headers)}
    counts = all(_found(at, words) for words in _COUNTS.values())
    return counts and bool(_found(at, _SPELLINGS["image"])) and not at.keys() & {"x", "y"}


def _key(header: str) -> str:
    """Return a header without what does not matter in it."""
    return re.sub(r"[\s_-]+", "", header).lower()


def _places(names: Iterable[str]) -> tuple[str, ...] | None:
    """Return the columns that say where the points are, or None where there are none."""
    known = set(names)
    if known & {"x", "y"}:
        return ("x", "y") if known >= {"x", "y"} else None
    kinds = (BOX, (*BOX[:2], *SIZE), ("bbox",), ("geometry",))
    return next((places for places in kinds if known.issuperset(places)), None)


def _is_whole(meanings: Mapping[str, int]) -> bool:
    """Return whether a table has images, and points or counts."""
    counts = not meanings.keys() & {"x", "y"} and any(name == "count" or name.startswith(CLASS) for name in meanings)
    return "image" in meanings and (_places(meanings) is not None or counts)


def _meanings(headers: Sequence[str], kind: Kind, is_number: Callable[[int], bool]) -> dict[str, int]:
    """Return the positions of the columns that are read, by their names."""
    at: dict[str, int] = {}
    for position, header in enumerate(headers):
        at.setdefault(_key(header), position)
    found = {name: positions[0] for name, words in _SPELLINGS.items() if (positions := _found(at, words))}
    found |= _corners(at)
    classes = _classes_of_survey(headers, at)
    if classes:
        return {"image": found["image"], **classes}
    labels = _found(at, _LABELS)
    if labels:
        found["label"] = next((i for i in labels if len(labels) > 1 and not is_number(i)), labels[0])
    counts = _found(at, (*_COUNTS[kind], *_ANY_COUNT))
    if _places(found) is not None:
        return _of_points(found, at, kind)
    if not counts:
        return found
    sizes = {name: found[name] for pair in (SIZE, IMAGE_SIZE) for name in pair if found.keys() >= {*pair}}
    return {name: found[name] for name in ("image", "x", "y") if name in found} | sizes | {"count": counts[0]}


def _found(at: Mapping[str, int], spellings: Iterable[str]) -> list[int]:
    """Return the positions of the headers with these spellings."""
    return [at[key] for key in map(_key, spellings) if key in at]


def _corners(at: Mapping[str, int]) -> dict[str, int]:
    """Return the columns of the corners of boxes: the first whole group, else those of one corner."""
    for number in (4, 2):
        for words in _CORNERS:
            positions = _found(at, words[:number])
            if len(positions) == number and (number == 4 or "x" not in at):
                return dict(zip(BOX, positions, strict=False))
    return {name: at[name] for name in BOX if name in at}


def _classes_of_survey(headers: Sequence[str], at: Mapping[str, int]) -> dict[str, int]:
    """Return the columns of classes in a table of counts by DotDotGoose, which stand between image and x."""
    # survey id,image,elephant,zebra,x,y has counts; survey id,image,class,x,y has points
    if _SURVEY not in at or "image" not in at:
        return {}
    positions = range(at["image"] + 1, at.get("x", len(headers)))
    if {_key(headers[i]) for i in positions} <= {"class"}:
        return {}
    return {f"{CLASS}{headers[i].strip()}": i for i in positions}


def _of_points(found: dict[str, int], at: Mapping[str, int], kind: Kind) -> dict[str, int]:
    """Return the columns that are read of a table of points."""
    places = _places(found) or ()
    # Sides called w and h stand beside a corner here, and beside a centre there: they are read only where the header
    # of x and y says that it is a corner. Sizes of predictions need both sides.
    sides = {name for name in SIZE if name in found and (name in at or "x" not in found)}
    sizes = {name for name in IMAGE_SIZE if name in found}
    if kind == "predictions":
        sides = set() if len(sides) == 1 or (places == ("x", "y") and found.keys() >= set(BOX)) else sides
        sizes = set() if len(sizes) == 1 else sizes
    others = {"x", "y", "bbox", "geometry", *SIZE, *IMAGE_SIZE} - {*places, *sides, *sizes}
    return {name: i for name, i in found.items() if name not in others and name in (*_USED[kind], *places)}


def _add_confidences(headers: Sequence[str], positions: Sequence[int], problems: Problems, line: int | None) -> None:
    """Add a problem for columns of numbers that are probably confidences under another name."""
    like = [headers[i].strip() for i in positions if LIKE_CONFIDENCE.search(headers[i].strip().lower())]
    if like:
        word, verb = ("column", "looks") if len(like) == 1 else ("columns", "look")
        hint = f"rename {'it' if len(like) == 1 else 'the right one'} to 'score', or take it out of the file"
        found = f"the {word} {listed(like)}, which {verb} like confidences and would not be read"
        problems.add("confidences in the column 'score'", found, line=line, hint=hint)


def _warn_of_unread(
    file: str, headers: Sequence[str], meanings: Mapping[str, int], unread: Sequence[int], kind: Kind
) -> None:
    """Warn of the columns that are not read."""
    classes = [name.removeprefix(CLASS) for name in meanings if name.startswith(CLASS)]
    if classes:
        warn(f"{file}: counts of DotDotGoose, added over the classes {listed(classes)}; no other column is read")
        return
    names = [headers[i].strip() for i in unread]
    keys = {_key(name) for name in names}
    swapped = kind == "annotations" and keys & set(map(_key, _SPELLINGS["score"]))
    hint = "; predictions have confidences: are the two files swapped? predictions come first" if swapped else ""
    if "x" in meanings and keys >= {"w", "h"}:
        hint = "; x and y are read as points: if they are corners of boxes, call the sides 'width' and 'height'"
    if names:
        warn(f"{file}: these columns are not read as {kind}: {listed(names, most=20)}{hint}")
