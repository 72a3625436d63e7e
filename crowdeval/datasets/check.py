"""What of a dataset is there: files and totals found against those expected and published, damage, clutter."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from crowdeval.datasets import dataset_and_split, dataset_named
from crowdeval.datasets.contract import Dataset, Release
from crowdeval.datasets.headers import truncated
from crowdeval.datasets.listing import entries
from crowdeval.datasets.reading import Reading, reading_of
from crowdeval.datasets.releases import differences, published, release_of
from crowdeval.datasets.roots import home_of
from crowdeval.errors import CrowdevalError, MissingFileError
from crowdeval.points.assemble import join_arrays
from crowdeval.points.image_bounds import points_outside
from crowdeval.points.ragged import Ragged, offsets_of

_TREE_DEPTH = 3
_TREE_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCheck:
    """What of one split is there.

    Parameters
    ----------
    split : str
        Its name.
    images, points : int
        Annotated images and their readable points.
    published_images, published_points : int, optional
        The published totals; None where there are none, or releases differ in them.
    empty : int
        Images without points.
    off_image, off_image_images : int
        Points outside their image (where its size is known), and the images that have such.
    duplicates : int
        Points exactly on another one of the same image, counted beyond the first.
    turned : int
        Images with an EXIF orientation other than 1; it is not applied.
    unreadable : tuple of str
        Damaged files, and what is wrong.
    missing : tuple of str
        Missing partners, contradictions.
    notes : tuple of str
        Oddities that are no fault of the copy.
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
    """What of a dataset is there.

    Parameters
    ----------
    name, title : str
        The dataset.
    home : str, optional
        Its folder; None where it is not found.
    release : str, optional
        The release that its totals are those of; None where they are no release's.
    splits : tuple of SplitCheck
        The splits that are there.
    problems : tuple of str
        Everything that is missing, damaged or different from what is published.
    clutter : tuple of str
        Files that belong to nothing; no problem.
    expected, found : str
        The folder tree as distributed and as it lies there.
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
        """0 fine, 3 different or broken, 4 missing."""
        if self.home is None:
            return 4
        return 3 if self.problems else 0

    def to_json(self) -> str:
        """Return the check as a JSON document."""
        return json.dumps({**asdict(self), "exit_code": self.exit_code}, indent=2) + "\n"


def check_dataset(name: str, *, root: str | os.PathLike[str] | None = None) -> DatasetCheck:
    """Check all splits of a dataset, or one.

    Parameters
    ----------
    name : str
        ``"shanghaitech-a"``, or ``"shanghaitech-a:test"`` for one split, ``"folder:PATH"`` for a folder of one's own.
    root : str or path, optional
        As in ``open_dataset``.

    Returns
    -------
    DatasetCheck

    Raises
    ------
    UsageError
        If there is no such dataset or split.
    """
    dataset, parts = _parts(name)
    about = dataset.about
    try:
        home = home_of(dataset, parts[0], root)
    except MissingFileError as problem:
        return _check_of(dataset, None, [], [str(problem)])
    readings = []
    problems = []
    for part in parts:
        try:
            readings.append(reading_of(dataset, dataset.survey(home, part)))
        except CrowdevalError as problem:
            problems.append(f"{part}: {problem}")
    return _check_of(dataset, home, readings, [*problems, *differences(about, _totals(readings))])


def _parts(name: str) -> tuple[Dataset, tuple[str, ...]]:
    if ":" in name:
        dataset, split = dataset_and_split(name)
        return dataset, (split,)
    dataset = dataset_named(name)
    return dataset, dataset.about.parts


def _check_of(dataset: Dataset, home: Path | None, readings: list[Reading], problems: list[str]) -> DatasetCheck:
    about = dataset.about
    release = release_of(about, _totals(readings))
    splits = tuple(_split_check(reading, release) for reading in readings)
    folder = home if home is None or home.is_dir() else home.parent
    return DatasetCheck(
        name=about.name,
        title=about.title,
        home=None if home is None else _printable(home),
        release=None if release is None else release.title,
        splits=splits,
        problems=tuple(problems + [f"{each.split}: {line}" for each in splits for line in _faults(each)]),
        clutter=_unique(path for reading in readings for path in reading.survey.clutter),
        expected=about.tree,
        found="" if folder is None else "\n".join(_tree(folder)),
    )


def _faults(split: SplitCheck) -> list[str]:
    return [*split.missing, *split.unreadable]


def _split_check(reading: Reading, release: Release | None) -> SplitCheck:
    truths = reading.readable
    counts = [len(truth.xy) for truth in truths]
    points = Ragged(join_arrays([truth.xy for truth in truths], width=2), offsets_of(counts))
    xy, image = points.xy, points.image
    sizes = np.array(
        [
            size
            for size, truth in zip(reading.headers.sizes, reading.truths, strict=True)
            if not isinstance(truth, CrowdevalError)
        ]
    ).reshape(-1, 2)
    off_image = points_outside(points, sizes)
    known = published(reading.dataset.about, reading.survey.split, release)
    cut = [item.image for item in reading.items if item.image is not None and truncated(item.image)]
    return SplitCheck(
        split=reading.survey.split,
        images=len(reading.items),
        points=len(xy),
        published_images=None if known is None else known.images,
        published_points=None if known is None else known.points,
        empty=sum(not len(truth.xy) for truth in truths),
        off_image=int(off_image.sum()),
        off_image_images=len(np.unique(image[off_image])),
        duplicates=len(xy) - len(np.unique(np.column_stack([image, xy]), axis=0)),
        turned=len(reading.headers.turned),
        unreadable=(
            *(str(error) for error in reading.errors),
            *reading.headers.unreadable.values(),
            *(f"{path.name}: a JPEG image without its end" for path in cut),
        ),
        missing=reading.problems,
        notes=tuple(note for truth in truths for note in truth.notes),
    )


def _totals(readings: Iterable[Reading]) -> dict[str, tuple[int, int]]:
    return {
        reading.survey.split: (len(reading.items), sum(len(truth.xy) for truth in reading.readable))
        for reading in readings
    }


def _tree(home: Path) -> list[str]:
    """Return the folders of a dataset with the number of files of each kind."""
    lines = []
    layer = [home]
    for _ in range(_TREE_DEPTH + 1):
        below = []
        for folder in layer:
            kinds: dict[str, int] = {}
            for entry in entries(folder):
                path = folder / entry.name
                if entry.is_dir():
                    below.append(path)
                else:
                    kind = path.suffix.lower() or "without suffix"
                    kinds[kind] = kinds.get(kind, 0) + 1
            files = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
            if files:
                lines.append(_printable(folder.relative_to(home)) + f"/  {files}")
        layer = below
    rest = len(lines) - _TREE_LINES
    return [*lines[:_TREE_LINES], f"and {rest} more folders"] if rest > 0 else lines


def _unique(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(_printable(path) for path in dict.fromkeys(paths))


def _printable(path: Path) -> str:
    return os.fspath(path).encode(errors="backslashreplace").decode()
