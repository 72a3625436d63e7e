"""The reading of a split: all of its files are read first, then follow its columns or one error for all damage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdeval.datasets.contract import Dataset, Item, Split, Survey, Truth
from crowdeval.datasets.releases import differences
from crowdeval.errors import CrowdevalError, FormatError, InputError, MissingFileError, Problem, listed
from crowdeval.formats.image_headers import Headers, read_headers
from crowdeval.points.assemble import assemble_annotations, attribute_columns
from crowdeval.points.ragged import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """The content of all files of a split, with an error in the place of each damaged annotation file.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    survey : Survey
        The files of the split.
    items : sequence of Item
        The annotated images.
    truths : sequence of Truth or CrowdevalError
        For each image its true points, or the error where they can't be read.
    headers : Headers
        The content of the image headers.
    problems : tuple of str
        Files that are missing, and lists and files that contradict each other.
    """

    dataset: Dataset
    survey: Survey
    items: Sequence[Item]
    truths: Sequence[Truth | CrowdevalError]
    headers: Headers
    problems: tuple[str, ...]

    @property
    def errors(self) -> list[CrowdevalError]:
        """The errors of the annotation files that can't be read."""
        return [truth for truth in self.truths if isinstance(truth, CrowdevalError)]

    @property
    def readable(self) -> list[Truth]:
        """The true points of the images whose annotations can be read."""
        return [truth for truth in self.truths if isinstance(truth, Truth)]


def reading_of(dataset: Dataset, survey: Survey) -> Reading:
    """Read all files of a split.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    survey : Survey
        The files of the split.

    Returns
    -------
    Reading
        Damaged files of single images are errors in ``truths``.

    Raises
    ------
    FormatError
        If a list file, label file or annotation file of many images is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from crowdeval.datasets import DATASETS
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "7_ann.mat").write_bytes(b"cut")
    ...     dataset = DATASETS["ucf-cc-50"]
    ...     reading = reading_of(dataset, dataset.survey(Path(folder), "all"))
    >>> [item.image_id for item in reading.items], len(reading.errors), len(reading.readable)
    (['7'], 1, 0)
    """
    contents = dataset.contents(survey)
    return Reading(
        dataset=dataset,
        survey=survey,
        items=contents.items,
        truths=[_truth_or_error(item) for item in contents.items],
        headers=read_headers([item.image for item in contents.items]),
        problems=(*survey.problems, *contents.problems),
    )


def split_of(reading: Reading) -> Split:
    """Return the split that a reading contains.

    Parameters
    ----------
    reading : Reading
        The content of all files of the split.

    Returns
    -------
    Split

    Raises
    ------
    FormatError
        If annotation files are damaged; the error names all of them.
    MissingFileError
        If a single annotation file can't be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from scipy.io import savemat
    >>> from crowdeval.datasets import DATASETS
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     savemat(Path(folder, "7_ann.mat"), {"annPoints": np.array([[1.5, 2.5]])})
    ...     dataset = DATASETS["ucf-cc-50"]
    ...     split = split_of(reading_of(dataset, dataset.survey(Path(folder), "all")))
    >>> split.annotations.image_ids, split.annotations.xy.tolist()
    (('7',), [[1.5, 2.5]])
    """
    _raise_errors(reading)
    items, truths = reading.items, reading.readable
    sizes = _sizes(reading)
    marks = _orientation_marks(reading)
    if marks:
        items = [replace(item, attributes={**item.attributes, **mark}) for item, mark in zip(items, marks, strict=True)]
    try:
        annotations = assemble_annotations(
            dict(zip((item.image_id for item in items), truths, strict=True)),
            sizes=None if np.isnan(sizes).all() else sizes,
            attributes=attribute_columns([{"file_name": item.file_name, **item.attributes} for item in items]),
        )
    except InputError as problem:
        expected = "annotations that fit together"
        raise FormatError(str(reading.survey.home), [Problem(expected=expected, found=str(problem))]) from None
    return Split(
        name=reading.dataset.about.name,
        split=reading.survey.split,
        home=reading.survey.home,
        annotations=annotations,
        image_paths=tuple(item.image for item in items if item.image is not None),
        notes=tuple(_notes(reading)),
    )


def _sizes(reading: Reading) -> Floats:
    """Return the size of every image: that in its header, or where there is none that in the annotations."""
    pairs = zip(reading.headers.sizes, reading.items, strict=True)
    sizes = [header if item.size is None or not np.isnan(header).any() else item.size for header, item in pairs]
    return np.array(sizes, dtype=np.float64).reshape(-1, 2)


def _notes(reading: Reading) -> list[str]:
    """Return the facts about a copy of a split that its user should know."""
    lines = list(reading.problems)
    lines += [note for truth in reading.readable for note in truth.notes]
    if reading.headers.unreadable:
        unreadable = listed(reading.headers.unreadable.values())
        lines.append(f"images that can't be read ({len(reading.headers.unreadable)}, size unknown): {unreadable}")
    if not any(item.image for item in reading.items):
        lines.append("the folder has no images: their sizes are unknown")
    if reading.headers.turned:
        turned = listed([reading.items[i].file_name for i in reading.headers.turned])
        lines.append(
            f"images with an EXIF orientation other than 1 ({len(reading.headers.turned)}, not turned: points and "
            f"sizes are those of the stored pixels): {turned}"
        )
    points = sum(len(truth.xy) for truth in reading.readable)
    return lines + differences(reading.dataset.about, {reading.survey.split: (len(reading.items), points)})


def _truth_or_error(item: Item) -> Truth | CrowdevalError:
    """Return the true points of an image, or the error where they can't be read."""
    try:
        return item.truth()
    except (FormatError, MissingFileError) as problem:
        return problem
    except (MemoryError, RecursionError):
        problems = [Problem(expected="annotations that fit into memory", found="more, or nested too deep")]
        return FormatError(item.file_name, problems)


def _raise_errors(reading: Reading) -> None:
    """Raise the error of the only damaged file, or one error with the first problem of each damaged file."""
    errors = reading.errors
    if len(errors) == 1:
        raise errors[0]
    if errors:
        problems = [
            replace(truth.problems[0], image=item.image_id)
            if isinstance(truth, FormatError)
            else Problem(expected="annotations", found=str(truth), image=item.image_id)
            for item, truth in zip(reading.items, reading.truths, strict=True)
            if isinstance(truth, CrowdevalError)
        ]
        raise FormatError(str(reading.survey.home), problems)


def _orientation_marks(reading: Reading) -> list[dict[str, bool]]:
    """Return, for every image, whether a reader that applies the EXIF orientation turns it; empty where none does."""
    turned = set(reading.headers.turned)
    return [{"exif_turned": i in turned} for i in range(len(reading.items))] if turned else []
