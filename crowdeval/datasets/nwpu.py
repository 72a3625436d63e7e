"""NWPU-Crowd: images/0001.jpg ..., jsons/0001.json or mats/0001.mat, and list files train.txt, val.txt.

A line of a list file is ``id luminance scene_level``; both become attributes. Points and boxes come from jsons, else
from mats, else (points, radii, levels, no boxes) from the localization track's text, ``val_gt_loc.txt``. Radii and
level of a head follow from its box, w wide and h high, as the track defines them: sigma_s = min(w, h) / 2, sigma_l =
sqrt(w^2 + h^2) / 2, level 0 for an area below 10, 1 below 100, ... 5 from 100,000. The text holds whole numbers, so
that radii differ from those of the boxes by less than a pixel; published F1 numbers rest on the text.

Val holds 3098 and lacks 3169. The annotations of test (3610 to 5109) are not public.

Source: Wang et al., TPAMI 2020, table 1 (5,109 images, 2,133,375 points). The points of val are those of the
official text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from crowdeval.datasets.contract import About, Contents, Item, Published, Release, Survey, Truth
from crowdeval.datasets.head_json import json_heads
from crowdeval.datasets.listing import absent, files_in, folders_in, is_image, lines_of, natural, plain, subfolder
from crowdeval.datasets.mat import column, mat_variables, named
from crowdeval.errors import FormatError, MissingFileError, Problem, Problems
from crowdeval.formats import read_annotations
from crowdeval.formats.contract import counted
from crowdeval.matching.scale import box_levels, box_radii

_NUMBER = re.compile(r"[0-9]{1,9}")
_SPLITS = {"train": Published(3109), "val": Published(500, 196_238)}

_ABOUT = About(
    name="nwpu",
    title="NWPU-Crowd",
    splits=("train", "val", "test"),
    parts=("train", "val"),
    folders=r"datasets?|data|.*nwpu.*",
    counts="5,109 images (3,109 train, 500 val, 1,500 test), 2,133,375 points; test is not public",
    licence="academic, non-commercial",
    source="https://www.crowdbenchmark.com/nwpucrowd.html (Wang et al., TPAMI 2020)",
    tree=(
        "NWPU-Crowd/\n"
        "  images/0001.jpg ... 5109.jpg (also images_part1 ... images_part5)\n"
        "  jsons/0001.json ... or mats/0001.mat ... or val_gt_loc.txt\n"
        "  train.txt, val.txt (also list_val.txt): a line `id luminance scene_level`"
    ),
    releases=(Release(title="NWPU-Crowd", splits=_SPLITS),),
    hidden={"test": "its annotations are not public: predictions are scored on crowdbenchmark.com"},
)


@dataclass(frozen=True, slots=True)
class NWPUCrowd:
    """NWPU-Crowd."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it has jsons, mats or the text of the localization track."""
        marks = [folder / f"{each}_gt_loc.txt" for each in self.about.parts]
        text = any(mark.is_file() for mark in marks)
        return folder if text or any(_numbered(subfolder(folder, name), name) for name in ("jsons", "mats")) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the images, annotation files and list files of a split."""
        listing = next((home / name for name in (f"{split}.txt", f"list_{split}.txt") if (home / name).is_file()), None)
        text = home / f"{split}_gt_loc.txt"
        truths = _numbered(subfolder(home, "jsons"), "jsons") or _numbered(subfolder(home, "mats"), "mats")
        if not truths and not text.is_file():
            raise MissingFileError(f"{home} has neither jsons nor mats nor {text.name}")
        wanted = _customary(split) if listing is None else {int(name) for name in _listed(listing)}
        folders = [path for path in folders_in(home) if re.fullmatch(r"images(part[0-9]+)?", plain(path.name))]
        files = [path for folder in folders for path in files_in(folder)]
        images = {path.stem: path for path in files if is_image(path) and _NUMBER.fullmatch(path.stem)}
        unlisted = () if listing or not truths else (f"there is no {split}.txt: the official numbers are taken",)
        return Survey(
            home=home,
            split=split,
            images={stem: images[stem] for stem in sorted(images, key=natural) if int(stem) in wanted},
            truths={stem: path for stem, path in truths.items() if int(stem) in wanted},
            lists=tuple(path for path in (listing, None if truths else text) if path is not None),
            image_folder=folders[0] if images else None,
            problems=unlisted,
            clutter=tuple(path for path in files if path not in set(images.values())),
        )

    def contents(self, survey: Survey) -> Contents:
        """Return the images of a split, with luminance and scene level."""
        text = survey.lists[-1] if survey.lists and survey.lists[-1].name.endswith("_gt_loc.txt") else None
        labels = _listed(survey.lists[0]) if survey.lists and survey.lists[0] != text else {}
        truths = _text_truths(text) if text is not None else {k: partial(_truth, v) for k, v in survey.truths.items()}
        by_number = {int(name): name for name in truths}
        names = {int(name): name for name in labels} or by_number
        images = {int(stem): path for stem, path in survey.images.items()}
        items = []
        for number in sorted(names.keys() & by_number.keys()):
            image = images.get(number, survey.image_folder and survey.image_folder / f"{number:04}.jpg")
            items.append(
                Item(
                    image_id=names[number],
                    file_name=image.name if image else f"{number:04}.jpg",
                    image=image,
                    truth=truths[by_number[number]],
                    attributes=labels.get(names[number], {}),
                )
            )
        problems = absent("listed images without annotations", _text(names.keys() - by_number.keys()), "left out")
        problems += absent("annotated images that the list lacks", _text(by_number.keys() - names.keys()), "left out")
        if images:
            problems += absent(
                "annotated images that are not there", _text(names.keys() - images.keys()), "size unknown"
            )
        return Contents(items, tuple(problems))


NWPU = NWPUCrowd()


def _numbered(folder: Path | None, kind: str) -> dict[str, Path]:
    suffix = f".{kind.removesuffix('s')}"
    files = files_in(folder) if folder is not None else []
    return {path.stem: path for path in files if path.suffix.lower() == suffix and _NUMBER.fullmatch(path.stem)}


def _customary(split: str) -> set[int]:
    train = (set(range(1, 3110)) - {3098}) | {3169}
    return train if split == "train" else set(range(1, 3610)) - train


def _listed(file: Path) -> dict[str, dict[str, Any]]:
    """Return luminance and scene level by image; raise FormatError with every line that is wrong."""
    problems = Problems(str(file))
    labels: dict[str, dict[str, Any]] = {}
    for number, line in lines_of(file):
        cells = line.split()
        if len(cells) not in (1, 3) or not all(_NUMBER.fullmatch(cell) for cell in cells):
            problems.add("id luminance scene_level, whole numbers", repr(line[:60]), line=number)
        elif cells[0] in labels:
            problems.add("every image once", f"{cells[0]!r} again", line=number)
        else:
            labels[cells[0]] = dict(zip(("luminance", "scene_level"), map(int, cells[1:]), strict=False))
    problems.raise_if_any()
    return labels


def _text_truths(file: Path) -> dict[str, Any]:
    annotations = read_annotations(file, format="nwpu")
    strange = [name for name in annotations.image_ids if not _NUMBER.fullmatch(name)]
    if strange:
        raise FormatError(str(file), [Problem(expected="numbers as image ids", found=repr(strange[0]))])
    return {name: partial(Truth.of, annotations, i) for i, name in enumerate(annotations.image_ids)}


def _truth(path: Path) -> Truth:
    if path.suffix.lower() == ".json":
        xy, boxes = json_heads(path)
    else:
        variables = mat_variables(path)
        xy = column(path, named(path, variables, "annPoints"), "annPoints")
        boxes = column(path, named(path, variables, "annBoxes"), "annBoxes", width=4)
    if len(xy) != len(boxes):
        found = f"{counted(len(xy), 'point')} and {counted(len(boxes), 'box', 'boxes')}"
        raise FormatError(str(path), [Problem(expected="a box for every point", found=found)])
    return Truth(xy=xy, boxes=boxes, radii=box_radii(boxes), level=box_levels(boxes))


def _text(numbers: set[int]) -> list[str]:
    return [str(number) for number in numbers]
