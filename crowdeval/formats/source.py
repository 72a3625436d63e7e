"""The unpacked bytes of a file with its name, and the errors of a file that can't be read."""

from __future__ import annotations

import gzip
import os
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.formats.binary_kinds import binary_kind, mend_of
from crowdeval.options import SPLITS, STANDARD_STREAM

_GZIP = b"\x1f\x8b"
_UTF8_MARK = b"\xef\xbb\xbf"
_MOST_NEIGHBOURS = 2000
"""Number of files in a folder that are searched for names similar to a missing one."""

_DATASET_SPLIT = re.compile(r"[A-Za-z][\w+-]+:(?!//).+")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The unpacked content of one file.

    Parameters
    ----------
    name : str
        The name of the file as the user gave it; messages start with it.
    data : bytes
        The content, without gzip compression.
    suffix : str
        The lower-case file suffix with the dot, without ``.gz``; empty where there is none.
    path : Path, optional
        The path of the file; None for standard input.
    sizes : mapping of str to (float, float)
        Width and height of images in pixels, by their id or stem, for files that give coordinates as parts of them.

    Examples
    --------
    >>> source = Source("points.csv", b"image,x,y", ".csv")
    >>> source.text()
    'image,x,y'
    >>> print(source.error("a number", "'x'", line=2))
    points.csv: line 2: expected a number, found 'x'
    """

    name: str
    data: bytes
    suffix: str = ""
    path: Path | None = None
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """The name of the file without folder and suffix, which is the id of the image of a file with one image."""
        return Path(self.name.removesuffix(".gz")).stem

    def utf8(self) -> bytes:
        """Return the content without a byte order mark; raise FormatError where it is a known binary kind."""
        kind = binary_kind(self.data)
        if kind is not None:
            raise self.error("text", kind, hint=mend_of(kind))
        return self.data.removeprefix(_UTF8_MARK)

    def text(self) -> str:
        """Return the content as text; raise FormatError with the line of a byte that is not UTF-8."""
        data = self.utf8()
        try:
            return data.decode()
        except UnicodeDecodeError as problem:
            line = data.count(b"\n", 0, problem.start) + 1
            found = f"the byte 0x{data[problem.start]:02x}"
            raise self.error("UTF-8 text", found, line=line, hint="save it as UTF-8") from None

    def error(self, expected: str, found: str, *, line: int | None = None, hint: str | None = None) -> FormatError:
        """Return the error of a single problem of this file.

        Parameters
        ----------
        expected, found : str
            The content that the file should have, and the content that it has.
        line : int, optional
            The line of the problem, counted from 1.
        hint : str, optional
            A possible mend.

        Returns
        -------
        FormatError
        """
        return FormatError(self.name, [Problem(expected=expected, found=found, line=line, hint=hint)])


def read_source(file: str | os.PathLike[str]) -> Source:
    """Read a file and unpack it where its content is gzip.

    Parameters
    ----------
    file : str or path
        The file; ``"-"`` is standard input.

    Returns
    -------
    Source

    Raises
    ------
    MissingFileError
        If there is no such file, it is a folder, or it can't be read.
    FormatError
        If the file is empty or a damaged gzip file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "points.csv.gz").write_bytes(gzip.compress(b"image,x,y"))
    ...     source = read_source(Path(folder, "points.csv.gz"))
    >>> source.data, source.suffix
    (b'image,x,y', '.csv')
    """
    path = Path(file)
    try:
        if file == STANDARD_STREAM:
            return _unpacked(Source(name="standard input", data=sys.stdin.buffer.read()))
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingFileError(_missing_file_message(os.fspath(file))) from None
    except IsADirectoryError:
        raise MissingFileError(
            f"{path} is a folder, not a file; images with one file of points are folder:{path}"
        ) from None
    except PermissionError:
        raise MissingFileError(f"{path} can't be read: permission denied") from None
    except (OSError, ValueError) as problem:
        raise MissingFileError(f"{os.fspath(file)!r} can't be read: {problem}") from None
    except MemoryError:
        raise MissingFileError(f"{path} can't be read: it is too large for the memory") from None
    return _unpacked(Source(name=str(path), data=data, suffix=suffix_of(path), path=path))


def suffix_of(path: Path) -> str:
    """Return the suffix of a file name in lower case, without ``.gz``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        The suffix with the dot, or an empty string.

    Examples
    --------
    >>> suffix_of(Path("a/IMG.v2.JSON.gz"))
    '.json'
    """
    return os.path.splitext(path.name.lower().removesuffix(".gz"))[1]


def _unpacked(source: Source) -> Source:
    data = unpacked(source)
    if not data.removeprefix(_UTF8_MARK).strip():
        raise source.error("predictions or annotations", "an empty file")
    return replace(source, data=data)


def unpacked(source: Source) -> bytes:
    """Return the content of a file, unpacked where it is gzip.

    Parameters
    ----------
    source : Source
        The file.

    Returns
    -------
    bytes

    Raises
    ------
    FormatError
        If it is a damaged gzip file, or too large.

    Examples
    --------
    >>> unpacked(Source("a.txt.gz", gzip.compress(b"1 2"))), unpacked(Source("a.txt", b"1 2"))
    (b'1 2', b'1 2')
    """
    data = source.data
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as problem:
            raise source.error("a whole gzip file", f"a truncated or damaged one: {problem}") from None
        except MemoryError:
            raise source.error("a file that fits into memory", "one too large for it once unpacked") from None
    return data


def _missing_file_message(file: str) -> str:
    path, folder = Path(file), Path(file).parent
    split = _DATASET_SPLIT.fullmatch(file)
    hint = ""
    if split:
        known = split[0].partition(":")[0] in SPLITS
        hint = " (the split of a dataset is opened with crowdeval.datasets.open_dataset)"
        hint = hint if known else f" (and no dataset of this name; the datasets: {', '.join(SPLITS)})"
    if not folder.is_dir():
        return f"there is no file {path}: there is no folder {folder}{hint}"
    return f"there is no file {path}{_similar_names(path)}{hint}"


def _similar_names(path: Path) -> str:
    """Return the end of a message that suggests files beside a missing one whose names are similar."""
    if not os.access(path.parent, os.R_OK):
        return ""
    by_stem: dict[str, list[str]] = {}
    for entry in islice(path.parent.iterdir(), _MOST_NEIGHBOURS):
        by_stem.setdefault(_stem(entry), []).append(entry.name)
    names = [name for stem in get_close_matches(_stem(path), by_stem) for name in sorted(by_stem[stem])]
    return f"; did you mean {' or '.join(map(repr, names[:3]))}?" if names else ""


def _stem(path: Path) -> str:
    """Return a file name in lower case without its suffixes."""
    return Path(path.name.lower().removesuffix(".gz")).stem
