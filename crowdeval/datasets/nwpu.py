"""NWPU-Crowd: images/0001.jpg ..., jsons/0001.json or mats/0001.mat, and list files train.txt, val.txt.

A line of a list file is ``id luminance scene_level``; luminance and scene_level become attributes. The annotations
are read from the first of these that is there:

- jsons, or else mats: points and boxes;
- the text of the localization track, ``val_gt_loc.txt``: points, radii and levels, without boxes.

Radii and level of a head follow from its box of width w and height h, as the track defines them:

- sigma_s = min(w, h) / 2 and sigma_l = sqrt(w^2 + h^2) / 2;
- level 0 for an area below 10 square pixels, 1 below 100, ... 5 from 100,000 on.

The text has whole numbers, so that its radii differ from those of the boxes by less than a pixel. Published F1 values
were computed from the text.

The official list of val has image 3098 and does not have 3169. The annotations of test (3610 to 5109) are not public.

Source: Wang et al., TPAMI 2020, table 1 (5,109 images, 2,133,375 points). The number of points of val is that of the
official text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from crowdeval.datasets.contract import About, Contents, Item, Published, Release, Survey, Truth
from crowdeval.datasets.head_json import json_heads
from crowdeval.datasets.listing import (
    files_in,
    folders_in,
    in_natural_order,
    is_image,
    lines_of,
    named_problem,
    simple_name,
    subfolder,
)
from crowdeval.datasets.mat import mat_variables, member, number_matrix
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
        "  train.txt, val.txt (also list_val.txt) with lines `id luminance scene_level`"
    ),
    releases=(Release(title="NWPU-Crowd", splits=_SPLITS),),
    hidden={"test": "its annotations are not public; crowdbenchmark.com evaluates predictions for it"},
)


@dataclass(frozen=True, slots=True)
class NWPUCrowd:
    """The reader of NWPU-Crowd."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it has jsons, mats or the text of the localization track."""
        has_text = any((folder / f"{part}_gt_loc.txt").is_file() for part in self.about.parts)
        return folder if has_text or any(_truth_files(folder, kind) for kind in ("jsons", "mats")) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the images, annotation files and list files of a split."""
        list_file = next((file for file in (home / f"{split}.txt", home / f"list_{split}.txt") if file.is_file()), None)
        text = home / f"{split}_gt_loc.txt"
        truths = _truth_files(home, "jsons") or _truth_files(home, "mats")
        if not truths and not text.is_file():
            raise MissingFileError(f"{home} has neither jsons nor mats nor {text.name}")
        numbers = _official_numbers(split) if list_file is None else {int(name) for name in _listed_labels(list_file)}
        folders = [path for path in folders_in(home) if re.fullmatch(r"images(part[0-9]+)?", simple_name(path.name))]
        files = [path for folder in folders for path in files_in(folder)]
        images = {path.stem: path for path in files if is_image(path) and _NUMBER.fullmatch(path.stem)}
        used = set(images.values())
        no_list = f"there is no {split}.txt: the official image numbers of the split are used"
        return Survey(
            home=home,
            split=split,
            images=in_natural_order({stem: path for stem, path in images.items() if int(stem) in numbers}),
            truths={stem: path for stem, path in truths.items() if int(stem) in numbers},
            lists=tuple(path for path in (list_file, None if truths else text) if path is not None),
            image_folder=folders[0] if images else None,
            problems=() if list_file or not truths else (no_list,),
            clutter=tuple(path for path in files if path not in used),
        )

    def contents(self, survey: Survey) -> Contents:
        """Return the images of a split with luminance and scene level."""
        text = survey.lists[-1] if survey.lists and survey.lists[-1].name.endswith("_gt_loc.txt") else None
        labels = _listed_labels(survey.lists[0]) if survey.lists and survey.lists[0] != text else {}
        truths = _truths_of_text(text) if text is not None else _truths_of_files(survey)
        # Names may differ in leading zeros (0001.json, "1" in the list): images are matched by number, and an id is
        # spelled as in the list: names {1: "1"}, truth_names {1: "0001"}
        truth_names = {int(name): name for name in truths}
        names = {int(name): name for name in labels} or truth_names
        images = {int(stem): path for stem, path in survey.images.items()}
        items = []
        for number in sorted(names.keys() & truth_names.keys()):
            image = images.get(number, survey.image_folder and survey.image_folder / f"{number:04}.jpg")
            items.append(
                Item(
                    image_id=names[number],
                    file_name=image.name if image else f"{number:04}.jpg",
                    image=image,
                    truth=truths[truth_names[number]],
                    attributes=labels.get(names[number], {}),
                )
            )
        missing = {
            "listed images without annotations": (names.keys() - truth_names.keys(), "left out"),
            "annotated images that are not in the list": (truth_names.keys() - names.keys(), "left out"),
            "annotated images that are missing": (names.keys() - images.keys() if images else set(), "size unknown"),
        }
        problems = [
            line
            for kind, (numbers, consequence) in missing.items()
            for line in named_problem(kind, map(str, numbers), consequence)
        ]
        return Contents(items, tuple(problems))


NWPU = NWPUCrowd()


def _truth_files(home: Path, kind: str) -> dict[str, Path]:
    """Return the files in the folder ``jsons`` or ``mats`` by stem."""
    folder = subfolder(home, kind)
    suffix = f".{kind.removesuffix('s')}"
    files = files_in(folder) if folder is not None else []
    return {path.stem: path for path in files if path.suffix.lower() == suffix and _NUMBER.fullmatch(path.stem)}


def _official_numbers(split: str) -> set[int]:
    """Return the numbers of the images in the official list of train or val."""
    train = (set(range(1, 3110)) - {3098}) | {3169}
    return train if split == "train" else set(range(1, 3610)) - train


def _listed_labels(file: Path) -> dict[str, dict[str, Any]]:
    """Return luminance and scene level of each image of a list file; raise FormatError with every wrong line."""
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


def _truths_of_text(file: Path) -> dict[str, Callable[[], Truth]]:
    """Return, for each image of the localization track's text, the function that returns its true points."""
    annotations = read_annotations(file, format="nwpu")
    others = [name for name in annotations.image_ids if not _NUMBER.fullmatch(name)]
    if others:
        raise FormatError(str(file), [Problem(expected="numbers as image ids", found=repr(others[0]))])
    return {name: partial(Truth.of, annotations, i) for i, name in enumerate(annotations.image_ids)}


def _truths_of_files(survey: Survey) -> dict[str, Callable[[], Truth]]:
    """Return, for each annotation file, the function that reads its true points."""
    return {stem: partial(_truth, path) for stem, path in survey.truths.items()}


def _truth(path: Path) -> Truth:
    """Return the true points of one image from its .json or .mat file."""
    if path.suffix.lower() == ".json":
        xy, boxes = json_heads(path)
    else:
        variables = mat_variables(path)
        xy = number_matrix(path, member(path, variables, "annPoints"), "annPoints")
        boxes = number_matrix(path, member(path, variables, "annBoxes"), "annBoxes", width=4)
    if len(xy) != len(boxes):
        found = f"{counted(len(xy), 'point')} and {counted(len(boxes), 'box', 'boxes')}"
        raise FormatError(str(path), [Problem(expected="a box for every point", found=found)])
    return Truth(xy=xy, boxes=boxes, radii=box_radii(boxes), level=box_levels(boxes))
