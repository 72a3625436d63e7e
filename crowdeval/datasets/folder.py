"""A folder of one's own: images and one points file in any format that crowdeval reads.

Spelled ``folder:PATH``. PATH is the folder, or a points file in it where there are several::

    folder:mydata                mydata/annotations.json, mydata/images/*.jpg
    folder:mydata/val.csv        mydata/val.csv, mydata/images/*.jpg

A relative path starts at ``--root`` where that is given, else at the current folder, CROWDEVAL_DATA or the root in
crowdeval.toml. Images lie in the folder or in its ``images``, at any depth; they are found by the attribute
``file_name`` or by the id, with or without folders and suffix. There may be none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from crowdeval.datasets.contract import About, Contents, Item, Survey, Truth
from crowdeval.datasets.listing import absent, files_in, is_image, natural, subfolder
from crowdeval.errors import UsageError, listed
from crowdeval.formats import FORMATS, read_annotations
from crowdeval.points.sets import Annotations

_PREFERRED = ("annotations", "gt", "points", "groundtruth", "ground_truth")
_NEVER = ("predictions", "preds", "readme", "license", "licence")

_ABOUT = About(
    name="folder",
    title="a folder of one's own",
    splits=(),
    parts=(".",),
    folders=r"(?!)",
    counts="as in the points file",
    licence="yours",
    source="a folder with images and one points file in any format crowdeval reads; spelled folder:PATH",
    tree="PATH/\n  annotations.json (or any one points file)\n  images/*.jpg (or beside the points file, or none)",
    paths=True,
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Images and one points file; the split is the path."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return the folder or points file that ``split`` names below ``folder``."""
        try:
            path = folder / os.path.expanduser(split)
            return path if path.is_file() or path.is_dir() else None
        except (OSError, ValueError):
            return None

    def survey(self, home: Path, split: str) -> Survey:
        """Find the points file and list the images."""
        points = home if home.is_file() else _points_file(home)
        folder = points.parent
        images = {str(path.relative_to(folder)): path for path in _images(folder)}
        return Survey(
            home=folder,
            split=split,
            images=dict(sorted(images.items(), key=lambda entry: natural(entry[0]))),
            lists=(points,),
            image_folder=(subfolder(folder, "images") or folder) if images else None,
        )

    def contents(self, survey: Survey) -> Contents:
        """Return the images of the points file, in its order."""
        annotations = read_annotations(survey.lists[0])
        found = {name: path for path in reversed(list(survey.images.values())) for name in _names(path, survey.home)}
        items = list(_items(annotations, found, survey.image_folder))
        used = {item.image for item in items}
        problems = []
        if survey.images:
            gone = (item.image_id for item in items if item.image not in set(survey.images.values()))
            problems += absent("annotated images that are not there", gone, "kept")
            extra = (name for name, path in survey.images.items() if path not in used)
            problems += absent("images that the points file lacks", extra, "left out")
        return Contents(items, tuple(problems))


FOLDER = Folder()


def _items(annotations: Annotations, found: dict[str, Path], image_folder: Path | None) -> Iterator[Item]:
    names = annotations.attributes.get("file_name", np.array(annotations.image_ids, dtype=object))
    attributes = {name: values.tolist() for name, values in annotations.attributes.items() if name != "file_name"}
    for i, image_id in enumerate(annotations.image_ids):
        name = str(names[i]) if names[i] is not None else image_id
        image = next((found[each] for each in _spellings(name, image_id) if each in found), None)
        if image is None and image_folder is not None:
            image = image_folder / Path(name).name
        size = annotations.sizes[i].tolist() if annotations.sizes is not None else None
        yield Item(
            image_id=image_id,
            file_name=image.name if image is not None else name,
            image=image,
            truth=partial(Truth.of, annotations, i),
            size=None if size is None else (size[0], size[1]),
            attributes={key: values[i] for key, values in attributes.items()},
        )


def _spellings(*names: str) -> Iterator[str]:
    for name in names:
        path = name.replace("\\", "/")
        yield from (path, os.path.splitext(path)[0], path.rsplit("/", 1)[-1])


def _names(path: Path, home: Path) -> Iterator[str]:
    """Yield what a points file may call an image: its path, without ``images/``, without suffix, its name."""
    parts = path.relative_to(home).parts
    start = 1 if len(parts) > 1 and parts[0].lower() == "images" else 0
    for first in range(start + 1):
        whole = "/".join(parts[first:])
        yield from (whole, os.path.splitext(whole)[0])
    yield from (path.name, path.stem)


def _images(folder: Path) -> Iterator[Path]:
    below = subfolder(folder, "images")
    for start, folders, files in os.walk(below or folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (path for path in (Path(start, name) for name in files) if is_image(path))


def _points_file(folder: Path) -> Path:
    """Return the only points file of a folder, or the only one with a name such as annotations.*."""
    suffixes = {suffix for name in FORMATS.table for suffix in FORMATS[name].suffixes}
    candidates = [path for path in files_in(folder) if _bare(path)[1] in suffixes and not path.name.startswith(".")]
    preferred = [path for path in candidates if _bare(path)[0] in _PREFERRED]
    likely = preferred or [path for path in candidates if _bare(path)[0] not in _NEVER]
    if len(likely) == 1:
        return likely[0]
    if not likely:
        raise UsageError(f"{folder} holds no points file (known suffixes: {listed(sorted(suffixes), most=20)})")
    names = listed(path.name for path in likely)
    raise UsageError(f"{folder} holds several points files: {names}; name one: folder:{likely[0]}")


def _bare(path: Path) -> tuple[str, str]:
    """Return name and suffix in lower case, without .gz."""
    name, suffix = os.path.splitext(path.name.lower().removesuffix(".gz"))
    return name, suffix
