"""A split as it lies on the disk -> everything that was found in it -> columns, or every error at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdeval.datasets.contract import Dataset, Item, Split, Survey, Truth
from crowdeval.datasets.headers import Headers, headers
from crowdeval.datasets.releases import differences
from crowdeval.errors import CrowdevalError, FormatError, InputError, MissingFileError, Problem, listed
from crowdeval.points.assemble import assemble_annotations, attribute_columns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """All that a split holds, the damaged files beside the good ones.

    Parameters
    ----------
    dataset : Dataset
        Whose split it is.
    survey : Survey
        Its files.
    items : sequence of Item
        Its annotated images.
    truths : sequence of Truth or CrowdevalError
        Their true points, or why they can't be read.
    headers : Headers
        What the image headers say.
    problems : tuple of str
        What is missing or contradictory.
    """

    dataset: Dataset
    survey: Survey
    items: Sequence[Item]
    truths: Sequence[Truth | CrowdevalError]
    headers: Headers
    problems: tuple[str, ...]

    @property
    def errors(self) -> list[CrowdevalError]:
        """Why files can't be read."""
        return [truth for truth in self.truths if isinstance(truth, CrowdevalError)]

    @property
    def readable(self) -> list[Truth]:
        """The true points of the images whose annotations can be read."""
        return [truth for truth in self.truths if isinstance(truth, Truth)]


def reading_of(dataset: Dataset, survey: Survey) -> Reading:
    """Read all files of a split; a damaged annotation file is kept as its error."""
    contents = dataset.contents(survey)
    return Reading(
        dataset=dataset,
        survey=survey,
        items=contents.items,
        truths=[_tried(item) for item in contents.items],
        headers=headers([item.image for item in contents.items]),
        problems=(*survey.problems, *contents.problems),
    )


def split_of(reading: Reading) -> Split:
    """Return the columns of a split that was read.

    Raises
    ------
    FormatError
        If files are damaged; names every one of them.
    """
    _raise_all(reading)
    items, truths = reading.items, reading.readable
    sizes = np.array(
        [
            header if item.size is None or not np.isnan(header).any() else item.size
            for header, item in zip(reading.headers.sizes, items, strict=True)
        ]
    ).reshape(-1, 2)
    attributes = _orientation(reading)
    if attributes:
        items = [
            replace(item, attributes={**item.attributes, **mark}) for item, mark in zip(items, attributes, strict=True)
        ]
    try:
        annotations = assemble_annotations(
            dict(zip((item.image_id for item in items), truths, strict=True)),
            sizes=None if np.isnan(sizes).all() else sizes,
            attributes=attribute_columns([{"file_name": item.file_name, **item.attributes} for item in items]),
        )
    except InputError as problem:
        raise FormatError(
            str(reading.survey.home), [Problem(expected="whole annotations", found=str(problem))]
        ) from None
    return Split(
        name=reading.dataset.about.name,
        split=reading.survey.split,
        home=reading.survey.home,
        annotations=annotations,
        image_paths=tuple(item.image for item in items if item.image is not None),
        notes=tuple(notes(reading)),
    )


def notes(reading: Reading) -> list[str]:
    """Return what a user of the split should know of it."""
    found = list(reading.problems)
    found += [note for truth in reading.readable for note in truth.notes]
    if reading.headers.unreadable:
        unreadable = listed(reading.headers.unreadable.values())
        found.append(f"images that can't be read ({len(reading.headers.unreadable)}, size unknown): {unreadable}")
    if not any(item.image for item in reading.items):
        found.append("there are no images here: sizes are unknown")
    if reading.headers.turned:
        turned = listed([reading.items[i].file_name for i in reading.headers.turned])
        found.append(
            f"images with an EXIF orientation other than 1 ({len(reading.headers.turned)}, not turned: points and "
            f"sizes are those of the stored pixels): {turned}"
        )
    points = sum(len(truth.xy) for truth in reading.readable)
    return found + differences(reading.dataset.about, {reading.survey.split: (len(reading.items), points)})


def _tried(item: Item) -> Truth | CrowdevalError:
    try:
        return item.truth()
    except (FormatError, MissingFileError) as problem:
        return problem
    except (MemoryError, RecursionError):
        large = Problem(expected="annotations that fit into memory", found="more, or nested too deep")
        return FormatError(item.file_name, [large])


def _raise_all(reading: Reading) -> None:
    errors = reading.errors
    if len(errors) == 1:
        raise errors[0]
    if errors:
        problems = [
            Problem(expected="annotations", found=str(truth), image=item.image_id)
            if not isinstance(truth, FormatError)
            else replace(truth.problems[0], image=item.image_id)
            for item, truth in zip(reading.items, reading.truths, strict=True)
            if isinstance(truth, CrowdevalError)
        ]
        raise FormatError(str(reading.survey.home), problems)


def _orientation(reading: Reading) -> list[dict[str, bool]]:
    """Return the mark of images that a reader of EXIF would turn; nothing where there is none."""
    turned = set(reading.headers.turned)
    return [{"exif_turned": i in turned} for i in range(len(reading.items))] if turned else []
