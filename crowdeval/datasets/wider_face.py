"""WIDER FACE, and data with the same layout: one text file with the boxes of all images of a split.

An entry of ``wider_face_train_bbx_gt.txt`` is

- a line with the path of the image;
- a line with the number n of faces;
- n lines ``x y w h blur expression illumination invalid occlusion pose``, of which the first four are required; an
  image without faces has n = 0 and one line of zeros.

A point is the centre of its box. Faces that are marked as invalid are kept; the mark is a point attribute.

Source: Yang et al., CVPR 2016 (32,203 images, 393,703 faces).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from crowdeval.datasets.contract import About, Contents, Item, Published, Release, Survey, Truth
from crowdeval.datasets.listing import (
    files_in,
    folders_in,
    image_ids,
    in_natural_order,
    listed_path,
    named_problem,
    subfolder,
    text_of,
)
from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.points.labels import natural_key
from crowdeval.points.ragged import LARGEST, Floats

_LIST = re.compile(r"(?:.*[-_])?(train|val|test)_bbx_gt\.txt", re.IGNORECASE)
_MARKS = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")

_ABOUT = About(
    name="wider-face",
    title="WIDER FACE, and data with the same layout",
    splits=("train", "val"),
    parts=("train", "val"),
    folders=r"datasets?|data|.*wider.*",
    counts="16,106 images (12,880 train, 3,226 val); of 32,203 images and 393,703 faces in all, test is not public",
    licence="academic use; terms on the download page",
    source="http://shuoyang1213.me/WIDERFACE/ (Yang et al., CVPR 2016)",
    tree=(
        "WIDER_FACE/\n"
        "  wider_face_split/wider_face_train_bbx_gt.txt, wider_face_val_bbx_gt.txt (also beside the images)\n"
        "  WIDER_train/images/0--Parade/*.jpg ...\n"
        "  WIDER_val/ likewise"
    ),
    releases=(Release(title="WIDER FACE", splits={"train": Published(12_880), "val": Published(3_226)}),),
    hidden={"test": "its annotations are not public"},
)


@dataclass(frozen=True, slots=True)
class WiderFace:
    """The reader of WIDER FACE."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if a file \\*_bbx_gt.txt is in it or in its wider_face_split."""
        return folder if _box_files(folder) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the box file and the images of a split."""
        file = _box_files(home).get(split)
        if file is None:
            raise MissingFileError(f"{home} has no file *_{split}_bbx_gt.txt")
        folder = subfolder(home, f"WIDER_{split}", split) or home
        folder = subfolder(folder, "images") or folder
        files = [*files_in(folder), *(path for below in folders_in(folder) for path in files_in(below))]
        images = {path.relative_to(folder).as_posix(): path for path in files if path.suffix.lower() == ".jpg"}
        return Survey(
            home=home,
            split=split,
            images=in_natural_order(images),
            lists=(file,),
            image_folder=folder if images else None,
        )

    def contents(self, survey: Survey) -> Contents:
        """Return the images of the box file in natural order."""
        file = survey.lists[0]
        entries = dict(_entries(file))
        named_entries = zip(image_ids(entries), entries.items(), strict=True)
        items = []
        for image_id, (name, boxes) in sorted(named_entries, key=lambda entry: natural_key(entry[0])):
            image = survey.image_folder and listed_path(survey.image_folder, name, file=file, line=boxes.line)
            file_name = name.rsplit("/", 1)[-1]
            truth = partial(_truth, boxes.rows)
            items.append(Item(image_id=image_id, file_name=file_name, image=image, truth=truth))
        problems = []
        if survey.images:
            missing, extra = entries.keys() - survey.images.keys(), survey.images.keys() - entries.keys()
            problems += named_problem("annotated images that are missing", missing, "kept, size unknown")
            problems += named_problem("images without annotations", extra, "left out")
        return Contents(items, tuple(problems))


WIDER_FACE = WiderFace()


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """The rows of one image, and the line of the box file with its name."""

    rows: Floats
    line: int


def _box_files(home: Path) -> dict[str, Path]:
    """Return the box files by split; those in wider_face_split come before those beside it."""
    folders = (subfolder(home, "wider_face_split"), home)
    files = [path for folder in folders if folder is not None for path in files_in(folder)]
    return {match[1].lower(): path for path in reversed(files) if (match := _LIST.fullmatch(path.name))}


def _entries(file: Path) -> Iterator[tuple[str, _Boxes]]:
    """Yield the image name and the boxes of each entry of a box file."""
    lines = [line.strip() for line in text_of(file).splitlines()]
    names: set[str] = set()
    # `index` counts lines from 0, messages count them from 1. The entry of an image with 2 faces at index 5:
    # 5 its name, 6 "2", 7 and 8 its faces, 9 the next name
    index = 0
    while index < len(lines):
        name, name_line = lines[index], index + 1
        index += 1
        if not name:
            continue
        if name in names:
            raise _error(file, name_line, "every image once", f"{name!r} again")
        names.add(name)
        number = lines[index] if index < len(lines) else ""
        if not re.fullmatch(r"[0-9]{1,7}", number):
            raise _error(file, index + 1, f"the number of faces of {name!r}", repr(number[:60]))
        faces = lines[index + 1 : index + 1 + int(number)]
        rows = [_row(file, index + 2 + i, face) for i, face in enumerate(faces)]
        if len(faces) < int(number):
            raise _error(file, len(lines), f"{number} faces of {name!r}", f"{len(faces)} before the end of the file")
        if len({len(row) for row in rows}) > 1:
            found = f"4 in some lines and 10 in others, for {name!r}"
            raise _error(file, name_line, "as many numbers in every line of an image", found)
        index += 1 + int(number)
        if not int(number) and index < len(lines) and re.fullmatch(r"0(\s+0){3,}", lines[index]):
            index += 1  # the line of zeros of an image without faces
        yield name, _Boxes(np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else 4), name_line)


def _row(file: Path, line: int, text: str) -> list[float]:
    """Return the 4 or 10 numbers of a face."""
    try:
        numbers = [float(cell) for cell in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 10) or any(not abs(number) <= LARGEST for number in numbers):
        raise _error(file, line, "x y w h, alone or with six marks", repr(text[:60]))
    return numbers


def _truth(rows: Floats) -> Truth:
    """Return the true points of one image, the centres of its boxes."""
    corner, size = rows[:, :2], rows[:, 2:4]
    marks = {name: rows[:, 4 + i].astype(np.int64) for i, name in enumerate(_MARKS)} if rows.shape[1] == 10 else {}
    return Truth(xy=corner + size / 2, boxes=np.hstack([corner, corner + size]), point_attributes=marks)


def _error(file: Path, line: int, expected: str, found: str) -> FormatError:
    return FormatError(str(file), [Problem(expected=expected, found=found, line=line)])
