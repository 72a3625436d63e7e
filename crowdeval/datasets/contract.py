"""What a dataset is: the protocol every reader keeps, and the values that pass between its steps.

A reader has three steps. ``home`` says whether a folder is the dataset's own. ``survey`` lists the files of a
split and opens none but list files. ``contents`` says which images they are, each with a function that reads its
true points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from crowdeval.points.assemble import ImageAnnotations, image_annotations
from crowdeval.points.sets import Annotations


@dataclass(frozen=True, slots=True)
class Published:
    """The totals that a publication gives for one split; None where it gives none."""

    images: int
    points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One edition of a dataset that circulates, known by its totals.

    Parameters
    ----------
    title : str
        What it is called, the total in brackets.
    splits : mapping of str to Published
        Totals by split.
    points : int, optional
        Points in all splits together, where they are published only so.
    """

    title: str
    splits: Mapping[str, Published]
    points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a dataset before looking at a disk.

    Parameters
    ----------
    name : str
        What it is called in ``NAME:SPLIT``.
    title : str
        What its authors call it.
    splits : tuple of str
        The splits one can ask for; empty where the split is a path.
    parts : tuple of str
        The splits that together are the whole dataset, each image once.
    releases : tuple of Release
        The editions that circulate.
    hidden : mapping of str to str
        Splits whose annotations are not public, and why.
    folders : str
        Regular expression for the names of folders above the dataset's own, compared in lower case and without
        ``-``, ``_`` and blanks.
    counts, licence, source, tree : str
        Published counts, terms of use, how one obtains it, and the expected folder, in words.
    paths : bool
        Whether the split is a path, looked up from the current folder as well.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    parts: tuple[str, ...]
    folders: str
    counts: str
    licence: str
    source: str
    tree: str
    releases: tuple[Release, ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    paths: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth(ImageAnnotations):
    """The true points of one image, and what a user should know of them."""

    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, annotations: Annotations, image: int) -> Truth:
        """Return the true points of one image of a set."""
        one = image_annotations(annotations, image)
        return cls(xy=one.xy, boxes=one.boxes, radii=one.radii, level=one.level, point_attributes=one.point_attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One annotated image.

    Parameters
    ----------
    image_id : str
        Its id.
    file_name : str
        The name of the image file, without folders.
    truth : callable
        Reads its true points; may raise FormatError.
    image : Path, optional
        Where the image is, or would be if it were not missing; None where the folder holds annotations only.
    size : (float, float), optional
        Width and height in pixels where the annotations give them; the image's header goes before.
    attributes : mapping of str to value
        What else is known of it.
    """

    image_id: str
    file_name: str
    truth: Callable[[], Truth]
    image: Path | None = None
    size: tuple[float, float] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The files of one split as they lie on the disk.

    Parameters
    ----------
    home : Path
        The dataset's own folder.
    split : str
        The split's name.
    images, truths : mapping of str to Path
        Image and annotation files by the key that pairs them, in natural order.
    lists : tuple of Path
        List files, label files and annotation files that hold many images.
    image_folder : Path, optional
        Where a missing image would be; None where there are no images at all.
    problems : tuple of str
        What is missing or contradictory.
    clutter : tuple of Path
        Files that belong to nothing.
    """

    home: Path
    split: str
    images: Mapping[str, Path] = field(default_factory=dict)
    truths: Mapping[str, Path] = field(default_factory=dict)
    lists: tuple[Path, ...] = ()
    image_folder: Path | None = None
    problems: tuple[str, ...] = ()
    clutter: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the annotations depend on."""
        return (*self.lists, *self.truths.values(), *self.images.values())


@dataclass(frozen=True, slots=True)
class Contents:
    """The annotated images of one split in natural order, and what opening its list files brought to light."""

    items: Sequence[Item]
    problems: tuple[str, ...] = ()


@runtime_checkable
class Dataset(Protocol):
    """One benchmark folder, as distributed."""

    @property
    def about(self) -> About:
        """What is known of it before looking at a disk."""

    def home(self, folder: Path, split: str) -> Path | None:
        """Return the dataset's own folder if ``folder`` is it, else None; never raises."""

    def survey(self, home: Path, split: str) -> Survey:
        """List the files of a split; raise MissingFileError where it is not there at all."""

    def contents(self, survey: Survey) -> Contents:
        """Return the annotated images of a split; raise FormatError where a list file is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """A split of a dataset, read.

    Parameters
    ----------
    name, split : str
        The dataset's name and the split's.
    home : Path
        The dataset's own folder.
    annotations : Annotations
        The true points; sizes from the images' headers where there are images.
    image_paths : tuple of Path
        The image files in the order of the annotations, a missing one where it should be; empty where the folder
        holds annotations only.
    notes : tuple of str
        What a user should know of it.
    """

    name: str
    split: str
    home: Path
    annotations: Annotations
    image_paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()
