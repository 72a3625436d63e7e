"""Images paired with their annotation files by name; those without partner and the clutter are set aside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from crowdeval.datasets.contract import Contents, Item, Survey, Truth
from crowdeval.datasets.listing import absent, in_order, is_image, is_proper


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
    """Return the survey of a split with an annotation file an image.

    Parameters
    ----------
    home, split, lists
        As in ``Survey``.
    files : iterable of Path
        The files of the image folder and the annotation folder.
    image : pattern
        What the stem of an image looks like; another image counts only if it has an annotation file.
    truth : pattern
        What the name of an annotation file looks like; its group 1 is the image's stem.
    image_folder : Path
        Where a missing image would be.
    only : callable, optional
        Which stems belong to the split.
    """
    images: dict[str, Path] = {}
    truths: dict[str, Path] = {}
    clutter: list[Path] = []
    for path in dict.fromkeys(files):
        match = truth.fullmatch(path.name) if is_proper(path.name) else None
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
        images=in_order(images),
        truths=in_order(truths),
        lists=lists,
        image_folder=image_folder if any_images else None,
        problems=tuple(_without_partner(images, truths, any_images=any_images)),
        clutter=tuple(clutter),
    )


def paired_contents(survey: Survey, read: Callable[[Path], Truth]) -> Contents:
    """Return the images of a survey that have an annotation file, which ``read`` reads."""
    items = []
    for stem, truth in survey.truths.items():
        image = survey.images.get(stem, survey.image_folder and survey.image_folder / f"{stem}.jpg")
        name = image.name if image else f"{stem}.jpg"
        items.append(Item(image_id=stem, file_name=name, image=image, truth=partial(read, truth)))
    return Contents(items)


def _without_partner(images: Mapping[str, Path], truths: Mapping[str, Path], *, any_images: bool) -> Iterator[str]:
    yield from absent("images without annotation file", images.keys() - truths.keys(), "left out")
    if any_images:
        yield from absent("annotation files without image", truths.keys() - images.keys(), "kept, size unknown")
