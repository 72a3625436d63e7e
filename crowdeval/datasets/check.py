"""The check of a dataset's copy on the disk: files and counts against the published ones, and damaged files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdeval.datasets import dataset_and_split, find_dataset
from crowdeval.datasets.contract import Dataset, Release
from crowdeval.datasets.listing import folder_entries
from crowdeval.datasets.reading import Reading, reading_of
from crowdeval.datasets.releases import differences, published_totals, release_of
from crowdeval.datasets.roots import home_of
from crowdeval.errors import CrowdevalError, MissingFileError
from crowdeval.formats.image_headers import is_truncated_jpeg
from crowdeval.points.assemble import join_arrays
from crowdeval.points.image_bounds import points_outside
from crowdeval.points.ragged import Floats, Ragged, offsets_of

_TREE_DEPTH = 3
"""Number of levels of folders below the dataset's own that ``DatasetCheck.found`` shows."""

_TREE_LINES = 40
"""Number of folders that ``DatasetCheck.found`` shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCheck:
    """The counts and problems of one split on the disk.

    Parameters
    ----------
    split : str
        Name of the split.
    images, points : int
        Number of annotated images, and of the points in the annotations that can be read.
    published_images, published_points : int, optional
        The published numbers; None where none are published, or where the releases have different numbers and it is
        not known which release this is.
    empty : int
        Number of images without points.
    off_image, off_image_images : int
        Number of points outside their image, and of the images with such points; only images whose
        header can be read count.
    duplicates : int
        Number of points that lie exactly on an earlier point of the same image.
    turned : int
        Number of images with an EXIF orientation other than 1, which is not applied.
    unreadable : tuple of str
        Damaged annotation files and images, each with the reason.
    missing : tuple of str
        Files that are missing, and lists and files that contradict each other.
    notes : tuple of str
        Peculiarities of the dataset itself, which are no problem of this copy.
    """

    split: str
    images: int
    points: int
    published_images: int | None
    published_points: int | None
    empty: int
    off_image: int
    off_image_images: int
    duplicates: int
    turned: int
    unreadable: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCheck:
    """The result of the check of a dataset.

    Parameters
    ----------
    name, title : str
        Name of the dataset in ``NAME:SPLIT``, and the name that its authors use.
    home : str, optional
        The dataset's own folder; None where it is not found.
    release : str, optional
        The release with the same published number of points; None where no release has it.
    splits : tuple of SplitCheck
        The splits that could be read.
    problems : tuple of str
        Everything that is missing, damaged or different from the published numbers.
    clutter : tuple of str
        Files that do not belong to the dataset; they are no problem.
    expected, found : str
        The folder tree as the authors distribute it, and the tree on the disk.
    """

    name: str
    title: str
    home: str | None
    release: str | None
    splits: tuple[SplitCheck, ...]
    problems: tuple[str, ...]
    clutter: tuple[str, ...]
    expected: str
    found: str

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0 no problems, 3 damaged or different from published, 4 not found."""
        if self.home is None:
            return 4
        return 3 if self.problems else 0

    def to_json(self) -> str:
        """Return the check as a JSON document.

        Returns
        -------
        str
            An object with the attributes of the check as keys, ``exit_code`` included.

        Examples
        --------
        >>> import json, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     document = check_dataset("ucf-qnrf", root=folder).to_json()
        >>> json.loads(document)["exit_code"]
        4
        """
        return json.dumps({**asdict(self), "exit_code": self.exit_code}, indent=2) + "\n"


def check_dataset(name: str, *, root: str | os.PathLike[str] | None = None) -> DatasetCheck:
    """Check the copy of a dataset on the disk, or of one of its splits.

    Parameters
    ----------
    name : str
        ``"shanghaitech-a"`` for all splits, ``"shanghaitech-a:test"`` for one, ``"folder:PATH"`` for a folder of
        your own.
    root : str or path, optional
        The dataset's own folder or a folder above it, as in ``open_dataset``.

    Returns
    -------
    DatasetCheck

    Raises
    ------
    UsageError
        If no dataset or split has this name.
    MissingFileError
        If one split is requested and its annotations are not public.
    FormatError
        If crowdeval.toml is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "gt.json").write_text('{"points": {"a": [[1, 2], [1, 2]], "b": []}}')
    ...     check = check_dataset("folder:.", root=folder)
    >>> check.exit_code, check.splits[0].points, check.splits[0].duplicates, check.splits[0].empty
    (0, 2, 1, 1)
    """
    dataset, splits = _dataset_and_splits(name)
    about = dataset.about
    try:
        home = home_of(dataset, splits[0], root)
    except MissingFileError as problem:
        return _dataset_check(dataset, None, [], [str(problem)])
    readings = []
    problems = []
    for split in splits:
        try:
            readings.append(reading_of(dataset, dataset.survey(home, split)))
        except CrowdevalError as problem:
            problems.append(f"{split}: {problem}")
    return _dataset_check(dataset, home, readings, [*problems, *differences(about, _totals(readings))])


def _dataset_and_splits(name: str) -> tuple[Dataset, tuple[str, ...]]:
    if ":" in name:
        dataset, split = dataset_and_split(name)
        return dataset, (split,)
    dataset = find_dataset(name)
    return dataset, dataset.about.parts


def _dataset_check(dataset: Dataset, home: Path | None, readings: list[Reading], problems: list[str]) -> DatasetCheck:
    about = dataset.about
    release = release_of(about, _totals(readings))
    splits = tuple(_split_check(reading, release) for reading in readings)
    problems_of_splits = [f"{check.split}: {line}" for check in splits for line in (*check.missing, *check.unreadable)]
    folder = home if home is None or home.is_dir() else home.parent  # home may be one points file (folder:PATH)
    return DatasetCheck(
        name=about.name,
        title=about.title,
        home=None if home is None else _printable(home),
        release=None if release is None else release.title,
        splits=splits,
        problems=(*problems, *problems_of_splits),
        clutter=_unique(path for reading in readings for path in reading.survey.clutter),
        expected=about.tree,
        found="" if folder is None else "\n".join(_tree(folder)),
    )


def _split_check(reading: Reading, release: Release | None) -> SplitCheck:
    truths = reading.readable
    points = Ragged(
        join_arrays([truth.xy for truth in truths], width=2), offsets_of([len(truth.xy) for truth in truths])
    )
    off_image = points_outside(points, _sizes_of_readable(reading))
    published = published_totals(reading.dataset.about, reading.survey.split, release)
    truncated = [item.image for item in reading.items if item.image is not None and is_truncated_jpeg(item.image)]
    return SplitCheck(
        split=reading.survey.split,
        images=len(reading.items),
        points=len(points.xy),
        published_images=None if published is None else published.images,
        published_points=None if published is None else published.points,
        empty=sum(not len(truth.xy) for truth in truths),
        off_image=int(off_image.sum()),
        off_image_images=len(np.unique(points.image[off_image])),
        duplicates=_duplicates(points.image, points.xy),
        turned=len(reading.headers.turned),
        unreadable=(
            *(str(error) for error in reading.errors),
            *reading.headers.unreadable.values(),
            *(f"{path.name}: the JPEG image ends too early; copy or download it again" for path in truncated),
        ),
        missing=reading.problems,
        notes=tuple(note for truth in truths for note in truth.notes),
    )


def _sizes_of_readable(reading: Reading) -> Floats:
    """Return the sizes, as in the image headers, of the images whose annotations can be read."""
    pairs = zip(reading.headers.sizes, reading.truths, strict=True)
    return np.array([size for size, truth in pairs if not isinstance(truth, CrowdevalError)]).reshape(-1, 2)


def _duplicates(image: NDArray[np.int32], xy: Floats) -> int:
    """Return the number of points that lie exactly on an earlier point of the same image."""
    # The image is a third column, so that equal points of two images stay two rows:
    # image [0, 0, 0, 1], xy [[9, 9], [9, 9], [5, 5], [9, 9]] -> 3 different rows of 4, 1 duplicate
    return len(xy) - len(np.unique(np.column_stack([image, xy]), axis=0))


def _totals(readings: Iterable[Reading]) -> dict[str, tuple[int, int]]:
    """Return the number of images and of points by split."""
    return {
        reading.survey.split: (len(reading.items), sum(len(truth.xy) for truth in reading.readable))
        for reading in readings
    }


def _tree(home: Path) -> list[str]:
    """Return one line for each folder, level by level: its path and the number of its files of each suffix."""
    lines = []
    level = [home]
    for _ in range(_TREE_DEPTH + 1):
        next_level = []
        for folder in level:
            suffixes: dict[str, int] = {}
            for entry in folder_entries(folder):
                path = folder / entry.name
                if entry.is_dir():
                    next_level.append(path)
                else:
                    suffix = path.suffix.lower() or "without suffix"
                    suffixes[suffix] = suffixes.get(suffix, 0) + 1
            files = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(suffixes.items()))
            if files:
                lines.append(_printable(folder.relative_to(home)) + f"/  {files}")
        level = next_level
    rest = len(lines) - _TREE_LINES
    return [*lines[:_TREE_LINES], f"and {rest} more folders"] if rest > 0 else lines


def _unique(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return the different paths in their order."""
    return tuple(_printable(path) for path in dict.fromkeys(paths))


def _printable(path: Path) -> str:
    """Return a path as valid text, with the bytes that are no text escaped."""
    return os.fspath(path).encode(errors="backslashreplace").decode()
