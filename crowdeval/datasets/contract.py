"""The contract of a dataset: the protocol that every reader follows, and the values that its steps pass on.

A reader has three steps:

- ``home`` decides whether a folder is the dataset's own;
- ``survey`` lists the files of a split, and opens list files only;
- ``contents`` returns the annotated images, each with a function that reads its true points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from crowdeval.formats.clips import Clip
from crowdeval.points.assemble import ImageAnnotations, image_annotations
from crowdeval.points.sets import Annotations

WITHOUT_POINTS = ("photos", "video")
"""Names of the splits that have no points, and are not scored."""


@dataclass(frozen=True, slots=True)
class Published:
    """The published counts of one split.

    Parameters
    ----------
    images : int
        Number of images.
    points : int, optional
        Number of points; None where none is published.
    """

    images: int
    points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One edition of a dataset, recognised by its published counts.

    Parameters
    ----------
    title : str
        Name of the edition, with its number of points in brackets where editions differ in it.
    splits : mapping of str to Published
        Published counts by split.
    points : int, optional
        Number of points of all splits together, where only this sum is published.
    """

    title: str
    splits: Mapping[str, Published]
    points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The facts about a dataset that are known without a copy of it.

    Parameters
    ----------
    name : str
        Name of the dataset in ``NAME:SPLIT``.
    title : str
        Name that its authors use.
    splits : tuple of str
        Splits that a user can request; empty where the split is a path.
    parts : tuple of str
        Splits that together are the whole dataset, with every image once.
    folders : str
        Regular expression of the names of folders that may contain the dataset's own folder. It is compared with
        names in lower case without ``-``, ``_`` and blanks.
    counts, licence, source : str
        Published counts, terms of use and the place where the dataset is obtained, as text for a user.
    tree : str
        The folders and files of the dataset as its authors distribute it, as text for a user.
    releases : tuple of Release
        Editions that are in use.
    hidden : mapping of str to str
        Splits whose annotations are not public, each with the reason as the end of an error message.
    paths : bool
        Whether the split is a path, which is then also searched in the current folder.

    Examples
    --------
    >>> from crowdeval.datasets import DATASETS
    >>> about = DATASETS["nwpu"].about
    >>> about.title, about.splits, about.parts
    ('NWPU-Crowd', ('train', 'val', 'test'), ('train', 'val'))
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
    """The true points of one image, with notes for the user.

    Parameters
    ----------
    xy, boxes, radii, level, point_attributes
        The columns of the points, as in ``ImageAnnotations``.
    notes : tuple of str
        Peculiarities of the image's annotations, such as a count in the file that differs from its points.

    Examples
    --------
    >>> import numpy as np
    >>> Truth(xy=np.array([[1.5, 2.5]]), notes=("1.mat: the file says 2 points",)).xy.shape
    (1, 2)
    """

    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, annotations: Annotations, image: int) -> Truth:
        """Return the true points of one image of a set.

        Parameters
        ----------
        annotations : Annotations
            The set.
        image : int
            Position of the image in the set.

        Returns
        -------
        Truth
            Without notes.

        Examples
        --------
        >>> annotations = Annotations(image_ids=["a", "b"], offsets=[0, 1, 2], xy=[[1.0, 2.0], [3.0, 4.0]])
        >>> Truth.of(annotations, 1).xy.tolist()
        [[3.0, 4.0]]
        """
        points = image_annotations(annotations, image)
        return cls(
            xy=points.xy,
            boxes=points.boxes,
            radii=points.radii,
            level=points.level,
            point_attributes=points.point_attributes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One annotated image of a split.

    Parameters
    ----------
    image_id : str
        Id of the image.
    file_name : str
        Name of the image file, without folders.
    truth : callable
        Function without arguments that reads the true points; it may raise FormatError or MissingFileError.
    image : Path, optional
        The image file, also where it is missing; None where the folder has annotations only.
    size : (float, float), optional
        Width and height in pixels as in the annotations; used only where the image's header can't be read.
    attributes : mapping of str to value
        Attributes of the image.

    Examples
    --------
    >>> import numpy as np
    >>> item = Item(image_id="7", file_name="7.jpg", truth=lambda: Truth(xy=np.array([[1.0, 2.0]])))
    >>> item.truth().xy.tolist()
    [[1.0, 2.0]]
    """

    image_id: str
    file_name: str
    truth: Callable[[], Truth]
    image: Path | None = None
    size: tuple[float, float] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The files of one split on the disk.

    Parameters
    ----------
    home : Path
        The dataset's own folder.
    split : str
        Name of the split.
    images, truths : mapping of str to Path
        Image files and annotation files in natural order, by a key that is the same for an image and its annotations.
    lists : tuple of Path
        List files, label files, and annotation files of many images.
    image_folder : Path, optional
        The folder in which a missing image should be; None where there are no images at all.
    problems : tuple of str
        Files that are missing, and lists and files that contradict each other.
    clutter : tuple of Path
        Files that do not belong to the split.
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
        """All files from which the annotations are read."""
        return (*self.lists, *self.truths.values(), *self.images.values())


@dataclass(frozen=True, slots=True)
class Contents:
    """The annotated images of one split.

    Parameters
    ----------
    items : sequence of Item
        The images in natural order, or in the order of the file that holds the annotations of all of them.
    problems : tuple of str
        Further problems, which only the content of the list files shows.
    """

    items: Sequence[Item]
    problems: tuple[str, ...] = ()


@runtime_checkable
class Dataset(Protocol):
    """A reader of one benchmark dataset in the folders in which its authors distribute it.

    A plugin registers an instance under a name in the entry-point group ``crowdeval.datasets``.

    Examples
    --------
    >>> from crowdeval.datasets import DATASETS
    >>> isinstance(DATASETS["ucf-qnrf"], Dataset)
    True
    """

    @property
    def about(self) -> About:
        """The facts about the dataset that are known without a copy of it."""

    def home(self, folder: Path, split: str) -> Path | None:
        """Return the dataset's own folder if ``folder`` is it.

        Parameters
        ----------
        folder : Path
            A folder, which need not exist.
        split : str
            Name of the requested split; only datasets with ``about.paths`` use it.

        Returns
        -------
        Path or None
            None where the folder is another one. The method raises no errors.
        """

    def survey(self, home: Path, split: str) -> Survey:
        """List the files of a split.

        Parameters
        ----------
        home : Path
            The dataset's own folder.
        split : str
            Name of the split.

        Returns
        -------
        Survey

        Raises
        ------
        MissingFileError
            If the split is not in the folder at all.
        FormatError
            If a list file is damaged.
        UsageError
            If the split is a path, and the folder there does not show which file is the annotations.
        """

    def contents(self, survey: Survey) -> Contents:
        """Return the annotated images of a split.

        Parameters
        ----------
        survey : Survey
            The files of the split.

        Returns
        -------
        Contents
            Images without annotations, and annotated images that a list file lacks, are left out and named in
            ``problems``.

        Raises
        ------
        FormatError
            If a list file, label file or annotation file of many images is damaged.
        """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Split:
    """A split of a dataset with its annotations.

    Parameters
    ----------
    name, split : str
        Name of the dataset and of the split.
    home : Path
        The dataset's own folder.
    annotations : Annotations
        The true points; image sizes are those in the headers of the image files where there are such files.
    image_paths : tuple of Path
        The image files in the order of the annotations, missing ones included; empty where the folder has
        annotations only.
    notes : tuple of str
        Facts that a user of this copy should know: missing files, unknown sizes, counts that differ from the published.
    clip : Clip, optional
        The video whose frames the images are; ``image_paths`` has its file once for each.

    Examples
    --------
    >>> annotations = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    >>> split = Split(name="folder", split="mydata", home=Path("mydata"), annotations=annotations, image_paths=())
    >>> split.annotations.counts.tolist(), split.notes
    ([1], ())
    """

    name: str
    split: str
    home: Path
    annotations: Annotations
    image_paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    clip: Clip | None = None

    def __repr__(self) -> str:
        """Return one line: the name, the numbers of images and points, and the folder."""
        return f"Split({self.name}:{self.split}, {self.annotations!r}, {str(self.home)!r})"
