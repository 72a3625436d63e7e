"""A folder of the user's own: images and one points file in any format that crowdeval reads.

It is named ``folder:PATH``. PATH is the folder, or one of its points files where it has several::

    folder:mydata                mydata/annotations.json, mydata/images/*.jpg
    folder:mydata/val.csv        mydata/val.csv, mydata/images/*.jpg

A relative path starts at ``--root`` if that option is used, else at the current folder, at CROWDEVAL_DATA, or at the
root in crowdeval.toml. The images lie at any depth in the subfolder ``images`` or, without one, in the folder itself.
An image is found by the attribute ``file_name`` of the points file or by its id, each with or without folders and
suffix. A folder may have no images.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from crowdeval.datasets.contract import About, Contents, Item, Survey, Truth
from crowdeval.datasets.listing import files_in, images_below, in_natural_order, named_problem, subfolder
from crowdeval.errors import UsageError, listed
from crowdeval.formats import FORMATS, read_annotations
from crowdeval.points.sets import Annotations

_PREFERRED = ("annotations", "gt", "points", "groundtruth", "ground_truth")
"""Names without suffix of the points file that is chosen from several."""

_NEVER = ("predictions", "preds", "readme", "license", "licence")
"""Names without suffix of files that are never taken for the points file unless PATH names them."""

_ABOUT = About(
    name="folder",
    title="a folder of your own",
    splits=(),
    parts=(".",),
    folders=r"(?!)",
    counts="as in the points file",
    licence="yours",
    source="a folder with images and one points file in any format that crowdeval reads, named folder:PATH",
    tree="PATH/\n  annotations.json (or any one points file)\n  images/*.jpg (or beside the points file, or none)",
    paths=True,
)


@dataclass(frozen=True, slots=True)
class Folder:
    """The reader of a folder of the user's own; the split is its path."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return the folder or points file ``split``, a path from ``folder`` on, if it exists."""
        try:
            path = folder / os.path.expanduser(split)
            return path if path.is_file() or path.is_dir() else None
        except (OSError, ValueError):
            return None

    def survey(self, home: Path, split: str) -> Survey:
        """List the points file and the images; raise UsageError where the points file is not clear."""
        points_file = home if home.is_file() else _points_file(home)
        folder = points_file.parent
        images = {str(path.relative_to(folder)): path for path in _image_files(folder)}
        return Survey(
            home=folder,
            split=split,
            images=in_natural_order(images),
            lists=(points_file,),
            image_folder=(subfolder(folder, "images") or folder) if images else None,
        )

    def contents(self, survey: Survey) -> Contents:
        """Return the images of the points file in its order."""
        annotations = read_annotations(survey.lists[0])
        paths = list(survey.images.values())
        # Where one name means several images, the first in natural order is found: it is the last one put in.
        by_name = {name: path for path in reversed(paths) for name in _possible_names(path, survey.home)}
        items = list(_items(annotations, by_name, survey.image_folder))
        problems = []
        if survey.images:
            existing, used = set(paths), {item.image for item in items}
            missing = (item.image_id for item in items if item.image not in existing)
            problems += named_problem("annotated images that are missing", missing, "kept")
            extra = (name for name, path in survey.images.items() if path not in used)
            problems += named_problem("images that are not in the points file", extra, "left out")
        return Contents(items, tuple(problems))


FOLDER = Folder()


def _items(annotations: Annotations, by_name: dict[str, Path], image_folder: Path | None) -> Iterator[Item]:
    """Yield the images of the points file, each with the image file that one of its names means."""
    file_names = annotations.attributes.get("file_name", np.array(annotations.image_ids, dtype=object))
    attributes = {name: values.tolist() for name, values in annotations.attributes.items() if name != "file_name"}
    for i, image_id in enumerate(annotations.image_ids):
        file_name = str(file_names[i]) if file_names[i] is not None else image_id
        image = next((by_name[name] for name in _names_to_try(file_name, image_id) if name in by_name), None)
        if image is None and image_folder is not None:
            image = image_folder / Path(file_name).name
        size = annotations.sizes[i].tolist() if annotations.sizes is not None else None
        yield Item(
            image_id=image_id,
            file_name=image.name if image is not None else file_name,
            image=image,
            truth=partial(Truth.of, annotations, i),
            size=None if size is None else (size[0], size[1]),
            attributes={name: values[i] for name, values in attributes.items()},
        )


def _names_to_try(*names: str) -> Iterator[str]:
    """Yield each name whole, without suffix, and without folders: ``a/b.jpg``, ``a/b``, ``b.jpg``."""
    for name in names:
        path = name.replace("\\", "/")
        yield from (path, os.path.splitext(path)[0], path.rsplit("/", 1)[-1])


def _possible_names(path: Path, home: Path) -> Iterator[str]:
    """Yield the names that a points file may use for an image: with and without folders, ``images/`` and suffix."""
    # home/images/a/b.jpg -> images/a/b.jpg, images/a/b, a/b.jpg, a/b, b.jpg, b
    parts = path.relative_to(home).parts
    start = 1 if len(parts) > 1 and parts[0].lower() == "images" else 0
    for first in range(start + 1):
        relative = "/".join(parts[first:])
        yield from (relative, os.path.splitext(relative)[0])
    yield from (path.name, path.stem)


def _image_files(folder: Path) -> Iterator[Path]:
    """Yield the images below a folder's subfolder images or, without one, below the folder; no hidden folders."""
    yield from images_below(subfolder(folder, "images") or folder)


def points_file_in(folder: Path) -> Path | None:
    """Return the points file of a folder that has images and one points file, so that ``folder:PATH`` names it.

    Parameters
    ----------
    folder : Path
        Any folder.

    Returns
    -------
    Path or None

    Raises
    ------
    UsageError
        If the folder may as well be one with a points file for each image.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Path(name, "a.txt").touch()
    ...     points_file_in(Path(name))
    """
    images = {path.stem for path in _image_files(folder)}
    if not images:
        return None
    try:
        file = _points_file(folder)
    except UsageError:
        return None
    if file.name.removesuffix(".gz").rpartition(".")[0] in images:
        raise UsageError(
            f"{folder} can be a folder with one file of points for each image, of which {file.name} is the only one, "
            f"or one with a points file: write folder:{folder} for that, or name the format for the other "
            "(--annotations-format, --predictions-format)"
        )
    return file


def _points_file(folder: Path) -> Path:
    """Return the only points file of a folder, or the only one with a name such as annotations.*."""
    suffixes = {suffix for name in FORMATS.table for suffix in FORMATS[name].suffixes}
    visible = [path for path in files_in(folder) if not path.name.startswith(".")]
    candidates = [path for path in visible if _stem_and_suffix(path)[1] in suffixes]
    preferred = [path for path in candidates if _stem_and_suffix(path)[0] in _PREFERRED]
    likely = preferred or [path for path in candidates if _stem_and_suffix(path)[0] not in _NEVER]
    if len(likely) == 1:
        return likely[0]
    if not likely:
        known = listed(sorted(suffixes), most=20)
        raise UsageError(f"{folder} has no points file (such as annotations.json; known suffixes: {known})")
    names = listed(path.name for path in likely)
    raise UsageError(f"{folder} has several points files: {names}; name one of them: folder:{likely[0]}")


def _stem_and_suffix(path: Path) -> tuple[str, str]:
    """Return stem and suffix of a file's name in lower case, without .gz."""
    stem, suffix = os.path.splitext(path.name.lower().removesuffix(".gz"))
    return stem, suffix
