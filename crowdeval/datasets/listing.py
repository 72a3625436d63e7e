"""Files and folders of a dataset: how they are listed, sorted and recognised by name, and how text files are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from crowdeval.errors import FormatError, MissingFileError, Problem, listed
from crowdeval.options import IMAGE_SUFFIXES
from crowdeval.points.labels import natural_key

DEPTH = 3
"""Number of levels of folders below a given one in which a dataset is searched."""


def simple_name(name: str) -> str:
    """Return a name in lower case without ``-``, ``_`` and blanks, for the comparison of spellings.

    Parameters
    ----------
    name : str
        Name of a folder or a dataset.

    Returns
    -------
    str

    Examples
    --------
    >>> simple_name("ground-truth"), simple_name("Ground_Truth")
    ('groundtruth', 'groundtruth')
    """
    return re.sub(r"[-_\s]", "", name.casefold())


def folder_entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder in natural order.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    list of os.DirEntry
        Empty where the folder does not exist or can't be read.

    Examples
    --------
    >>> folder_entries(Path("no", "such", "folder"))
    []
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: natural_key(entry.name))
    except (OSError, ValueError):
        return []


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder in natural order.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    list of Path
        Empty where the folder does not exist or can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("10.txt", "9.txt"):
    ...         Path(folder, name).touch()
    ...     [path.name for path in files_in(Path(folder))]
    ['9.txt', '10.txt']
    """
    return [folder / entry.name for entry in folder_entries(folder) if _true_without_error(entry.is_file)]


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder in natural order, without hidden ones.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    list of Path
        Empty where the folder does not exist or can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("train", ".git"):
    ...         Path(folder, name).mkdir()
    ...     [path.name for path in folders_in(Path(folder))]
    ['train']
    """
    entries = (entry for entry in folder_entries(folder) if entry.name[0] != ".")
    return [folder / entry.name for entry in entries if _true_without_error(entry.is_dir)]


def subfolder(folder: Path, *names: str) -> Path | None:
    """Return the folder in ``folder`` that has the first possible of several names.

    Parameters
    ----------
    folder : Path
        The folder above.
    *names : str
        Possible names, the preferred one first, in any spelling of case, ``-``, ``_`` and blanks.

    Returns
    -------
    Path or None
        None where no folder has any of the names.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "Ground_Truth").mkdir()
    ...     subfolder(Path(folder), "labels", "ground-truth").name
    'Ground_Truth'
    """
    # Where two folders have one simple name, the first in natural order is found: it is the last one put in.
    folders = {simple_name(path.name): path for path in reversed(folders_in(folder))}
    return next((folders[simple_name(name)] for name in names if simple_name(name) in folders), None)


def folders_near(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield a folder and the folders below it, level by level, through folders of matching names only.

    Parameters
    ----------
    folder : Path
        The folder to start from; it need not match.
    pattern : str
        Regular expression of the simple names (``simple_name``) of the folders below.

    Yields
    ------
    Path
        Folders at most ``DEPTH`` levels below ``folder``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "data", "part_A").mkdir(parents=True)
    ...     Path(folder, "other", "part_A").mkdir(parents=True)
    ...     paths = [path.relative_to(folder).as_posix() for path in folders_near(Path(folder), "data|parta")]
    >>> paths
    ['.', 'data', 'data/part_A']
    """
    level = [folder]
    matches = re.compile(pattern).fullmatch
    for _ in range(DEPTH + 1):
        yield from level
        level = [path for above in level for path in folders_in(above) if matches(simple_name(path.name))]


def is_image(path: Path) -> bool:
    """Return whether a file is an image according to its name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        False for hidden files too.

    Examples
    --------
    >>> is_image(Path("IMG_1.JPG")), is_image(Path("IMG_1.mat")), is_image(Path("._IMG_1.jpg"))
    (True, False, False)
    """
    return path.suffix.lower() in IMAGE_SUFFIXES and is_possible_id(path.name)


def images_below(folder: Path) -> Iterator[Path]:
    """Yield the images in a folder and in the folders below it; hidden ones are passed over.

    Parameters
    ----------
    folder : Path
        The folder.

    Yields
    ------
    Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Path(name, "a").mkdir()
    ...     Path(name, "a", "b.JPG").touch()
    ...     [path.name for path in images_below(Path(name))]
    ['b.JPG']
    """
    for start, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (path for path in (Path(start, name) for name in files) if is_image(path) and path.is_file())


def is_possible_id(name: str) -> bool:
    """Return whether a file name can be an image id: it is valid text and not the name of a hidden file.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_possible_id("IMG_1.jpg"), is_possible_id("._IMG_1.jpg")
    (True, False)
    """
    try:
        return not name.startswith(".") and bool(name.encode())
    except UnicodeEncodeError:
        return False


def in_natural_order(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return a mapping sorted by its keys in natural order.

    Parameters
    ----------
    files : mapping of str to Path
        Files by stem or by relative path.

    Returns
    -------
    dict of str to Path

    Examples
    --------
    >>> list(in_natural_order({"10": Path("10.jpg"), "9": Path("9.jpg")}))
    ['9', '10']
    """
    return {key: files[key] for key in sorted(files, key=natural_key)}


def named_problem(kind: str, names: Iterable[str], consequence: str) -> list[str]:
    """Return one line about all files or images that have the same problem.

    Parameters
    ----------
    kind : str
        The problem, as a noun in the plural.
    names : iterable of str
        Names of the files or images, in any order.
    consequence : str
        How the reader treats them.

    Returns
    -------
    list of str
        One line, or none where there are no names.

    Examples
    --------
    >>> named_problem("images without annotation file", ["IMG_10", "IMG_2"], "left out")
    ["images without annotation file (2, left out): 'IMG_2', 'IMG_10'"]
    """
    ordered = sorted(names, key=natural_key)
    return [f"{kind} ({len(ordered)}, {consequence}): {listed(ordered)}"] if ordered else []


def image_ids(paths: Iterable[str]) -> list[str]:
    """Return an id for each image of a list file.

    Parameters
    ----------
    paths : iterable of str
        Paths of the images.

    Returns
    -------
    list of str
        The stems; where two images have the same stem, the whole paths without suffix.

    Examples
    --------
    >>> image_ids(["a/1.jpg", "a/2.jpg"]), image_ids(["a/1.jpg", "b/1.jpg"])
    (['1', '2'], ['a/1', 'b/1'])
    """
    without_suffix = [os.path.splitext(path.replace("\\", "/"))[0] for path in paths]
    stems = [path.rsplit("/", 1)[-1] for path in without_suffix]
    return stems if len(set(stems)) == len(stems) else without_suffix


def listed_path(home: Path, text: str, *, file: Path, line: int) -> Path:
    """Return the path of a file that a list file names.

    Parameters
    ----------
    home : Path
        The folder from which the paths in the list file start, and outside which they may not lead.
    text : str
        The path as in the list file.
    file : Path
        The list file, for the error message.
    line : int
        Its line, counted from 1, for the error message.

    Returns
    -------
    Path
        The file need not exist.

    Raises
    ------
    FormatError
        If the path leads outside ``home``.

    Examples
    --------
    >>> listed_path(Path("data"), "scene01/../img.jpg", file=Path("test.list"), line=1).as_posix()
    'data/img.jpg'
    """
    path = Path(os.path.normpath(home / text))
    if "\0" in text or not path.is_relative_to(os.path.normpath(home)):
        problem = Problem(
            expected="a file in the dataset's folder", found=repr(text), line=line, hint=f"this path leaves {home}"
        )
        raise FormatError(str(file), [problem])
    return path


def text_of(path: Path) -> str:
    """Return the text of a list file or label file.

    Parameters
    ----------
    path : Path
        The file, in UTF-8 with or without a byte order mark.

    Returns
    -------
    str

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the file is not UTF-8 text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "val.txt").write_text("3098 0 0")
    ...     text_of(Path(folder, "val.txt"))
    '3098 0 0'
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {path}") from None
    except OSError as problem:
        raise MissingFileError(f"{path} can't be read ({problem.strerror})") from None
    except UnicodeDecodeError as problem:
        found = f"the byte 0x{problem.object[problem.start]:02x}"
        hint = "save the file as UTF-8"
        raise FormatError(str(path), [Problem(expected="UTF-8 text", found=found, hint=hint)]) from None


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file that are not blank.

    Parameters
    ----------
    path : Path
        The file, in UTF-8, with any of the usual line ends.

    Yields
    ------
    (int, str)
        Number of the line, counted from 1, and its text without blanks at both ends.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the file is not UTF-8 text.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "val.txt").write_bytes(b"3098 0 0\\r\\n\\r\\n3110 1 2 ")
    ...     list(lines_of(Path(folder, "val.txt")))
    [(1, '3098 0 0'), (3, '3110 1 2')]
    """
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text_of(path)), start=1):
        if line.strip():
            yield number, line.strip()


def _true_without_error(test: Callable[[], bool]) -> bool:
    """Return the answer of ``is_file`` or ``is_dir`` of an entry, and False where the entry can't be examined."""
    try:
        return test()
    except OSError:
        return False
