"""WIDER FACE and data laid out like it: boxes by image in one text file a split.

An entry of ``wider_face_train_bbx_gt.txt`` is the image's path, a line with the number n of faces, and n lines
``x y w h blur expression illumination invalid occlusion pose`` (only the first four are needed); an image without
faces has n = 0 and one line of zeros. A point is the centre of its box. Faces marked invalid are kept, with the
mark as a point attribute.

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
    absent,
    files_in,
    folders_in,
    image_ids,
    inside,
    natural,
    subfolder,
    text_of,
)
from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.points.ragged import LARGEST, Floats

_LIST = re.compile(r"(?:.*[-_])?(train|val|test)_bbx_gt\.txt", re.IGNORECASE)
_MARKS = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")

_ABOUT = About(
    name="wider-face",
    title="WIDER FACE, and data laid out like it",
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
    """WIDER FACE."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it, or its wider_face_split, has a file \\*_bbx_gt.txt."""
        return folder if _lists(folder) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the box file and the images of a split."""
        file = _lists(home).get(split)
        if file is None:
            raise MissingFileError(f"{home} has no file *_{split}_bbx_gt.txt")
        folder = subfolder(home, f"WIDER_{split}", split) or home
        folder = subfolder(folder, "images") or folder
        found = [*files_in(folder), *(path for below in folders_in(folder) for path in files_in(below))]
        images = {path.relative_to(folder).as_posix(): path for path in found if path.suffix.lower() == ".jpg"}
        return Survey(
            home=home,
            split=split,
            images=dict(sorted(images.items(), key=lambda entry: natural(entry[0]))),
            lists=(file,),
            image_folder=folder if images else None,
        )

    def contents(self, survey: Survey) -> Contents:
        """Return the images of the box file in natural order."""
        file = survey.lists[0]
        entries = dict(_entries(file))
        ids = image_ids(entries)
        items = []
        for image_id, (name, boxes) in sorted(
            zip(ids, entries.items(), strict=True), key=lambda entry: natural(entry[0])
        ):
            where = survey.image_folder and inside(survey.image_folder, name, file=file, line=boxes.line)
            short = name.rsplit("/", 1)[-1]
            items.append(Item(image_id=image_id, file_name=short, image=where, truth=partial(_truth, boxes.rows)))
        problems = []
        if survey.images:
            problems += absent("annotated images that are not there", entries.keys() - survey.images.keys(), "kept")
            problems += absent("images without annotations", survey.images.keys() - entries.keys(), "left out")
        return Contents(items, tuple(problems))


WIDER_FACE = WiderFace()


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """The rows of one image and the line of its name."""

    rows: Floats
    line: int


def _lists(home: Path) -> dict[str, Path]:
    folders = (subfolder(home, "wider_face_split"), home)
    files = [path for folder in folders if folder is not None for path in files_in(folder)]
    return {match[1].lower(): path for path in reversed(files) if (match := _LIST.fullmatch(path.name))}


def _entries(file: Path) -> Iterator[tuple[str, _Boxes]]:
    lines = [line.strip() for line in text_of(file).splitlines()]
    seen: set[str] = set()
    at = 0
    while at < len(lines):
        name, start = lines[at], at + 1
        at += 1
        if not name:
            continue
        if name in seen:
            raise _error(file, start, "every image once", repr(name))
        seen.add(name)
        count = lines[at] if at < len(lines) else ""
        if not re.fullmatch(r"[0-9]{1,7}", count):
            raise _error(file, at + 1, f"the number of faces of {name!r}", repr(count[:60]))
        rows = lines[at + 1 : at + 1 + int(count)]
        cells = [_numbers(file, at + 2 + i, row) for i, row in enumerate(rows)]
        if len(rows) < int(count):
            raise _error(file, len(lines), f"{count} faces of {name!r}", f"{len(rows)} and the end of the file")
        if len({len(row) for row in cells}) > 1:
            raise _error(file, start, "rows of one length", f"several, of {name!r}")
        at += 1 + int(count)
        if not int(count) and at < len(lines) and re.fullmatch(r"0(\s+0){3,}", lines[at]):
            at += 1
        yield name, _Boxes(np.array(cells, dtype=np.float64).reshape(len(cells), -1 if cells else 4), start)


def _numbers(file: Path, line: int, row: str) -> list[float]:
    try:
        numbers = [float(cell) for cell in row.split()]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 10) or any(not abs(number) <= LARGEST for number in numbers):
        raise _error(file, line, "x y w h and six marks", repr(row[:60]))
    return numbers


def _truth(rows: Floats) -> Truth:
    corner, size = rows[:, :2], rows[:, 2:4]
    marks = {name: rows[:, 4 + i].astype(np.int64) for i, name in enumerate(_MARKS)} if rows.shape[1] == 10 else {}
    return Truth(xy=corner + size / 2, boxes=np.hstack([corner, corner + size]), point_attributes=marks)


def _error(file: Path, line: int, expected: str, found: str) -> FormatError:
    return FormatError(str(file), [Problem(expected=expected, found=found, line=line)])
