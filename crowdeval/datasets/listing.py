"""Files and folders by name: natural order, spellings, what is an image; list files and the paths they name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from crowdeval.errors import FormatError, MissingFileError, Problem, listed

DEPTH = 3
"""Levels of folders below a named one that a dataset is sought in."""

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"))

_NUMBER = re.compile(r"([0-9]+)")


def natural(name: str) -> tuple[tuple[object, ...], str]:
    """Return the key that sorts numbers inside names by value.

    >>> sorted(["IMG_10", "IMG_2", "IMG_1"], key=natural)
    ['IMG_1', 'IMG_2', 'IMG_10']
    """
    parts = _NUMBER.split(name)
    return tuple(_magnitude(part) if i % 2 else part.casefold() for i, part in enumerate(parts)), name


def plain(name: str) -> str:
    """Return a folder name in lower case without ``-``, ``_`` and blanks.

    >>> plain("ground-truth") == plain("Ground_Truth")
    True
    """
    return re.sub(r"[-_\s]", "", name.casefold())


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds in natural order; nothing where it can't be read."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: natural(entry.name))
    except (OSError, ValueError):
        return []


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder in natural order."""
    return [folder / entry.name for entry in entries(folder) if _is(entry.is_file)]


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder in natural order; hidden ones are left out."""
    return [folder / entry.name for entry in entries(folder) if entry.name[0] != "." and _is(entry.is_dir)]


def subfolder(folder: Path, *names: str) -> Path | None:
    """Return the first folder in ``folder`` that has one of the names, in any spelling of case, ``-`` and ``_``."""
    found = {plain(path.name): path for path in reversed(folders_in(folder))}
    return next((found[plain(name)] for name in names if plain(name) in found), None)


def folders_near(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield ``folder``, then breadth-first the folders below whose names match, at most ``DEPTH`` levels down."""
    layer = [folder]
    matches = re.compile(pattern).fullmatch
    for _ in range(DEPTH + 1):
        yield from layer
        layer = [below for above in layer for below in folders_in(above) if matches(plain(below.name))]


def is_image(path: Path) -> bool:
    """Return whether a file's name says that it is an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES and is_proper(path.name)


def is_proper(name: str) -> bool:
    """Return whether a name can be an id: not hidden, and valid text."""
    try:
        return not name.startswith(".") and bool(name.encode())
    except UnicodeEncodeError:
        return False


def in_order(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return a mapping by stem in natural order."""
    return {stem: files[stem] for stem in sorted(files, key=natural)}


def absent(kind: str, names: Iterable[str], hint: str) -> list[str]:
    """Return the problem of files that should be there, or nothing."""
    missing = sorted(names, key=natural)
    return [f"{kind} ({len(missing)}, {hint}): {listed(missing)}"] if missing else []


def image_ids(paths: Iterable[str]) -> list[str]:
    """Return an id for every image path: the stem, or where stems repeat the whole path without the suffix.

    >>> image_ids(["a/1.jpg", "a/2.jpg"]), image_ids(["a/1.jpg", "b/1.jpg"])
    (['1', '2'], ['a/1', 'b/1'])
    """
    bare = [os.path.splitext(path.replace("\\", "/"))[0] for path in paths]
    stems = [path.rsplit("/", 1)[-1] for path in bare]
    return stems if len(set(stems)) == len(stems) else bare


def inside(home: Path, text: str, *, file: Path, line: int) -> Path:
    """Return the file that a list names; raise FormatError where that is outside the dataset's folder."""
    path = Path(os.path.normpath(home / text))
    if "\0" in text or not path.is_relative_to(os.path.normpath(home)):
        problem = Problem(expected="a file in the dataset's folder", found=repr(text), line=line, hint=f"not in {home}")
        raise FormatError(str(file), [problem])
    return path


def text_of(path: Path) -> str:
    """Return the text of a list or label file."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {path}") from None
    except OSError as problem:
        raise MissingFileError(f"{path} can't be read ({problem.strerror})") from None
    except UnicodeDecodeError as problem:
        found = f"the byte 0x{problem.object[problem.start]:02x}"
        raise FormatError(str(path), [Problem(expected="UTF-8 text", found=found)]) from None


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and content of the lines that are not blank."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text_of(path)), start=1):
        if line.strip():
            yield number, line.strip()


def _magnitude(digits: str) -> tuple[int, str]:
    """Return what sorts whole numbers of any length by value."""
    bare = digits.lstrip("0")
    return len(bare), bare


def _is(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:
        return False
