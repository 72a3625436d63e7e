"""JHU-Crowd++: train, val and test, each with images/0001.jpg, gt/0001.txt and image_labels.txt.

- A line of a gt file is ``x y w h o b``: centre of a head, size of its box, occlusion 1-3, blur 0 or 1. An empty file
  is an image without people.
- A line of image_labels.txt is ``id,count,scene,weather,distractor``. The count becomes the attribute ``label_count``;
  where it differs from the number of points, the points are kept and a note names both numbers.

Source: Sindagi et al., TPAMI 2020 (4,372 images, 1.51 million points).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.datasets.contract import About, Contents, Item, Published, Release, Survey, Truth
from crowdeval.datasets.listing import files_in, lines_of, named_problem, subfolder
from crowdeval.datasets.number_text import number_rows
from crowdeval.datasets.pairing import paired_contents, paired_survey
from crowdeval.errors import MissingFileError, Problems

_IMAGE = re.compile(r"[0-9]+")
_TRUTH = re.compile(r"(.+)\.txt", re.DOTALL | re.IGNORECASE)
_LABELS = "image_labels.txt"

_ABOUT = About(
    name="jhu-crowd++",
    title="JHU-Crowd++",
    splits=("train", "val", "test"),
    parts=("train", "val", "test"),
    folders=r"datasets?|data|.*jhu.*",
    counts="4,372 images (2,272 train, 500 val, 1,600 test), 1.51 million points",
    licence="non-commercial research; terms on the download page",
    source="http://www.crowd-counting.com (Sindagi et al., TPAMI 2020)",
    tree=(
        "jhu_crowd_v2.0/\n"
        "  train/images/0001.jpg ...\n"
        "  train/gt/0001.txt ...\n"
        f"  train/{_LABELS}\n"
        "  val/, test/ likewise"
    ),
    releases=(
        Release(
            title="JHU-Crowd++ v2.0",
            splits={"train": Published(2272), "val": Published(500), "test": Published(1600)},
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class JHUCrowd:
    """The reader of JHU-Crowd++."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if one of its splits has a folder gt, and labels or images."""
        return folder if any(_split_folder(folder, split) for split in self.about.splits) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the images, gt files and label file of a split."""
        folder = _split_folder(home, split)
        if folder is None:
            raise MissingFileError(f"{home} has no folder {split} with folders gt and images")
        images = subfolder(folder, "images") or folder / "images"
        gt = subfolder(folder, "gt") or folder / "gt"
        labels = folder / _LABELS
        survey = paired_survey(
            home,
            split,
            [*files_in(images), *files_in(gt)],
            image=_IMAGE,
            truth=_TRUTH,
            image_folder=images,
            lists=(labels,) if labels.is_file() else (),
        )
        if labels.is_file():
            return survey
        problem = f"there is no {_LABELS}: scene, weather and distractor are unknown"
        return replace(survey, problems=(*survey.problems, problem))

    def contents(self, survey: Survey) -> Contents:
        """Return the images of a split with their labels."""
        labels = _labels(survey.lists[0]) if survey.lists else {}
        items = [_with_labels(item, labels) for item in paired_contents(survey, _truth).items]
        problems = named_problem("labelled images without gt file", labels.keys() - survey.truths.keys(), "left out")
        if labels:
            unlabelled = survey.truths.keys() - labels.keys()
            problems += named_problem("images without labels", unlabelled, "labels unknown")
        return Contents(items, tuple(problems))


JHU_CROWD = JHUCrowd()


def _split_folder(home: Path, split: str) -> Path | None:
    """Return the folder of a split, if it has a folder gt, and labels or images."""
    folder = subfolder(home, split)
    if folder is None or subfolder(folder, "gt") is None:
        return None
    return folder if subfolder(folder, "images") or (folder / _LABELS).is_file() else None


def _truth(path: Path) -> Truth:
    """Return the true points of one gt file, with box corners from centre and size."""
    rows = number_rows(path, 6, "x y w h occlusion blur")
    centre, half_size = rows[:, :2], rows[:, 2:4] / 2
    return Truth(
        xy=np.ascontiguousarray(centre),
        boxes=np.hstack([centre - half_size, centre + half_size]),
        point_attributes={"occlusion": rows[:, 4].astype(np.int64), "blur": rows[:, 5].astype(np.int64)},
    )


def _with_labels(item: Item, labels: Mapping[str, dict[str, Any]]) -> Item:
    """Return an image with its labels as attributes, which are None where it has no labels."""
    own_labels = labels.get(item.image_id, {})
    names = next(iter(labels.values()), {})
    count = own_labels.get("label_count")
    return replace(
        item,
        attributes={name: own_labels.get(name) for name in names},
        truth=item.truth if count is None else partial(_truth_with_count_note, item, count),
    )


def _truth_with_count_note(item: Item, count: int) -> Truth:
    """Return the true points of an image, with a note where their number is not the labelled count."""
    truth = item.truth()
    if len(truth.xy) == count:
        return truth
    note = f"{item.image_id}: {_LABELS} says {count} people, the gt file has {len(truth.xy)} (kept)"
    return replace(truth, notes=(*truth.notes, note))


def _labels(file: Path) -> dict[str, dict[str, Any]]:
    """Return the labels by image id; raise FormatError with every wrong line."""
    problems = Problems(str(file))
    labels: dict[str, dict[str, Any]] = {}
    for number, line in lines_of(file):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 5 or not all(re.fullmatch(r"[0-9]{1,18}", cells[i]) for i in (1, 3, 4)):
            problems.add("id,count,scene,weather,distractor", repr(line[:60]), line=number)
        elif cells[0] in labels:
            problems.add("every image once", f"{cells[0]!r} again", line=number)
        else:
            labels[cells[0]] = {
                "label_count": int(cells[1]),
                "scene": cells[2],
                "weather": int(cells[3]),
                "distractor": int(cells[4]),
            }
    problems.raise_if_any()
    return labels
