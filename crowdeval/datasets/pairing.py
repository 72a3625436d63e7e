"""Datasets with one annotation file for each image: images and annotation files are paired by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from crowdeval.datasets.contract import Contents, Item, Survey, Truth
from crowdeval.datasets.listing import in_natural_order, is_image, is_possible_id, named_problem


def paired_survey(
    home: Path,
    split: str,
    files: Iterable[Path],
    *,
    image: re.Pattern[str],
    truth: re.Pattern[str],
    image_folder: Path,
    lists: tuple[Path, ...] = (),
    only: Callable[[str], bool] | None = None,
) -> Survey:
    """Return the survey of a split with one annotation file for each image.

    Parameters
    ----------
    home : Path
        The dataset's own folder.
    split : str
        Name of the split.
    files : iterable of Path
        The files in the image folder and the annotation folder.
    image : pattern
        Pattern of the stems of images. An image with another stem belongs to the split only if it has an annotation
        file.
    truth : pattern
        Pattern of the names of annotation files; its group 1 is the stem of the image.
    image_folder : Path
        The folder in which a missing image should be.
    lists : tuple of Path
        List files and label files, as in ``Survey``.
    only : callable, optional
        Function that returns whether a stem belongs to the split; by default every stem does.

    Returns
    -------
    Survey
        Files by stem, with the images and annotation files without partner in ``problems`` and all other files in
        ``clutter``.

    Examples
    --------
    >>> home = Path("Test")
    >>> files = [home / name for name in ("img_1.jpg", "img_1_ann.mat", "img_2.jpg", "Thumbs.db")]
    >>> survey = paired_survey(
    ...     home, "test", files, image=re.compile(r"img_[0-9]+"), truth=re.compile(r"(.+)_ann\\.mat"), image_folder=home
    ... )
    >>> list(survey.images), list(survey.truths), [path.name for path in survey.clutter]
    (['img_1', 'img_2'], ['img_1'], ['Thumbs.db'])
    >>> survey.problems
    ("images without annotation file (1, left out): 'img_2'",)
    """
    images: dict[str, Path] = {}
    truths: dict[str, Path] = {}
    clutter: list[Path] = []
    for path in dict.fromkeys(files):
        match = truth.fullmatch(path.name) if is_possible_id(path.name) else None
        if match and match[1] not in truths:
            truths[match[1]] = path
        elif not match and is_image(path) and path.stem not in images:
            images[path.stem] = path
        else:
            clutter.append(path)
    clutter += [images.pop(stem) for stem in list(images) if stem not in truths and not image.fullmatch(stem)]
    any_images = bool(images)
    if only is not None:
        images = {stem: path for stem, path in images.items() if only(stem)}
        truths = {stem: path for stem, path in truths.items() if only(stem)}
    return Survey(
        home=home,
        split=split,
        images=in_natural_order(images),
        truths=in_natural_order(truths),
        lists=lists,
        image_folder=image_folder if any_images else None,
        problems=tuple(_files_without_partner(images, truths, any_images=any_images)),
        clutter=tuple(clutter),
    )


def paired_contents(survey: Survey, read: Callable[[Path], Truth]) -> Contents:
    """Return the images of a survey that have an annotation file.

    Parameters
    ----------
    survey : Survey
        The files of the split.
    read : callable
        Function that reads the true points from an annotation file.

    Returns
    -------
    Contents
        The image ids are the stems.

    Examples
    --------
    >>> import numpy as np
    >>> survey = Survey(home=Path("Test"), split="test", truths={"img_1": Path("Test", "img_1_ann.mat")})
    >>> item = paired_contents(survey, lambda path: Truth(xy=np.zeros((3, 2)))).items[0]
    >>> item.image_id, len(item.truth().xy)
    ('img_1', 3)
    """
    items = []
    for stem, truth in survey.truths.items():
        image = survey.images.get(stem, survey.image_folder and survey.image_folder / f"{stem}.jpg")
        name = image.name if image else f"{stem}.jpg"
        items.append(Item(image_id=stem, file_name=name, image=image, truth=partial(read, truth)))
    return Contents(items)


def _files_without_partner(
    images: Mapping[str, Path], truths: Mapping[str, Path], *, any_images: bool
) -> Iterator[str]:
    """Yield the problems of images without annotation file and, where there are images, of the reverse."""
    yield from named_problem("images without annotation file", images.keys() - truths.keys(), "left out")
    if any_images:
        yield from named_problem("annotation files without image", truths.keys() - images.keys(), "kept, size unknown")
