"""ShanghaiTech, parts A and B: train_data and test_data with images/IMG_n.jpg and ground-truth/GT_IMG_n.mat.

Coordinates are continuous and start at 0; nothing is subtracted from them. A .mat file has the variable
``image_info``, a struct with the fields ``location`` and ``number``, bare or in a cell.

A folder with list files, as P2PNet uses them, is read too: a line of a list file is ``image label``, and a label file
has a point ``x y`` in each line.

Source: Zhang et al., CVPR 2016 (counts of the original release). Most copies on the web today are another release,
without the points that lie outside their image; its counts were taken from the files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crowdeval.datasets.contract import About, Contents, Published, Release, Survey, Truth
from crowdeval.datasets.listing import (
    files_in,
    folders_in,
    image_ids,
    in_natural_order,
    lines_of,
    listed_path,
    named_problem,
    simple_name,
    subfolder,
)
from crowdeval.datasets.mat import mat_variables, member, number_matrix, struct_fields
from crowdeval.datasets.number_text import number_rows
from crowdeval.datasets.pairing import paired_contents, paired_survey
from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.formats.contract import counted
from crowdeval.points.labels import natural_key

_IMAGE = re.compile(r"IMG_\d+", re.IGNORECASE)
_TRUTH = re.compile(r"GT_(.+)\.mat", re.DOTALL | re.IGNORECASE)
_LIST_LINE = re.compile(r"(.+?\.(?:jpe?g|png|bmp))\s+(\S.*)", re.IGNORECASE)
_PART = re.compile(r"(?:.*part|sht?h?)?([ab])(?:final)?")
"""Simple names of the folder of a part, with its letter as group 1: parta, partafinal, a, sha, shha."""


@dataclass(frozen=True, slots=True)
class ShanghaiTech:
    """The reader of one part of ShanghaiTech."""

    part: str
    about: About

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it has splits or list files of this part and its name is not that of the other part."""
        match = _PART.fullmatch(simple_name(os.path.basename(os.path.realpath(folder))))
        if match and match[1] != self.part:
            return None
        splits = self.about.splits
        has_split = any(_split_folder(folder, name) or _list_file(folder, self.part, name) for name in splits)
        return folder if has_split else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the images and annotation files of a split, or those in its list file."""
        folder = _split_folder(home, split)
        file = _list_file(home, self.part, split)
        if folder is None and file is not None:
            return _survey_of_list(home, split, file)
        if folder is None:
            raise MissingFileError(f"{home} has no folder {split}_data and no list file {split}.list")
        images = subfolder(folder, "images")
        truths, others = _truth_folders(folder)
        survey = paired_survey(
            home,
            split,
            [*files_in(images or folder), *files_in(truths or folder)],
            image=_IMAGE,
            truth=_TRUTH,
            image_folder=images or folder,
        )
        if not survey.truths:
            raise MissingFileError(f"{truths or folder} has no files GT_IMG_n.mat")
        if truths is None or not others:
            return survey
        problem = f"several folders with annotation files: {truths.name!r} is read, the others are ignored"
        return replace(survey, problems=(*survey.problems, problem))

    def contents(self, survey: Survey) -> Contents:
        """Return the images of a split that have annotations."""
        return paired_contents(survey, _truth)


def _split_folder(home: Path, split: str) -> Path | None:
    """Return the folder of a split, if it has a folder of images or of annotation files."""
    folder = subfolder(home, f"{split}_data", split)
    if folder is None:
        return None
    names = {simple_name(path.name) for path in folders_in(folder)}
    return folder if any(name in ("images", "gt") or name.startswith("ground") for name in names) else None


def _truth_folders(folder: Path) -> tuple[Path | None, list[Path]]:
    """Return the folder of .mat files to read and the others with .mat files; density maps (.h5) are not looked at."""
    names = ("gt", "annotations", "mats")
    candidates = [
        path
        for path in folders_in(folder)
        if simple_name(path.name).startswith("ground") or simple_name(path.name) in names
    ]
    candidates.sort(key=lambda path: (simple_name(path.name) != "groundtruth", natural_key(path.name)))
    folders = [path for path in candidates if any(_TRUTH.fullmatch(file.name) for file in files_in(path))]
    return (folders[0] if folders else None), folders[1:]


def _list_file(home: Path, part: str, split: str) -> Path | None:
    """Return the list file of a split, such as train.list or shanghai_tech_part_a_test.list."""
    other = "b" if part == "a" else "a"
    for path in files_in(home):
        words = re.split(r"[^a-z]+", path.stem.lower())
        of_other_part = f"part{other}" in simple_name(path.stem) or f"sh{other}" in words
        if path.suffix.lower() == ".list" and split in words and not of_other_part:
            return path
    return None


def _survey_of_list(home: Path, split: str, file: Path) -> Survey:
    """Return the survey of a split with a list file."""
    pairs = list(_listed_pairs(home, file))
    ids = image_ids(str(image.relative_to(home)) for image, _ in pairs)
    repeats = len(ids) - len(set(ids))
    if repeats:
        problem = Problem(expected="every image once", found=f"{counted(repeats, 'image')} again")
        raise FormatError(str(file), [problem])
    images = {image_id: image for image_id, (image, _) in zip(ids, pairs, strict=True)}
    truths = {image_id: truth for image_id, (_, truth) in zip(ids, pairs, strict=True)}
    no_image = {image_id for image_id, path in images.items() if not path.is_file()}
    problems = named_problem("listed images that are missing", no_image, "kept, size unknown")
    no_truth = {image_id for image_id, path in truths.items() if not path.is_file()}
    problems += named_problem("listed images whose label file is missing", no_truth, "left out")
    return Survey(
        home=home,
        split=split,
        images=in_natural_order(images),
        truths=in_natural_order({image_id: path for image_id, path in truths.items() if image_id not in no_truth}),
        lists=(file,),
        image_folder=home,
        problems=tuple(problems),
    )


def _listed_pairs(home: Path, file: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the image and the label file in each line of a list file."""
    for number, line in lines_of(file):
        match = _LIST_LINE.fullmatch(line)
        if match is None:
            problem = Problem(expected="an image and a label file", found=repr(line[:60]), line=number)
            raise FormatError(str(file), [problem])
        image, truth = (listed_path(home, name, file=file, line=number) for name in match.groups())
        yield image, truth


def _truth(path: Path) -> Truth:
    """Return the true points of one image from its .mat file or label file."""
    if path.suffix.lower() != ".mat":
        return Truth(xy=number_rows(path, 2, "x y"))
    info = struct_fields(path, member(path, mat_variables(path), "image_info"), "image_info")
    xy = number_matrix(path, member(path, info, "location", kind="field"), "image_info.location")
    number = info.get("number")
    stated = len(xy)
    if isinstance(number, np.ndarray) and number.size == 1 and np.isfinite(number.flat[0]):
        stated = int(number.flat[0])
    note = f"{path.name}: image_info.number says {stated}, image_info.location has {counted(len(xy), 'point')} (kept)"
    return Truth(xy=xy, notes=(note,) if stated != len(xy) else ())


def _about(part: str, **facts: object) -> About:
    """Return the facts about one part, with those that the parts do not share as keywords."""
    letter = part.upper()
    return About(
        name=f"shanghaitech-{part}",
        title=f"ShanghaiTech Part {letter}",
        splits=("train", "test"),
        parts=("train", "test"),
        folders=rf"datasets?|data|.*shanghai.*|sht?h?{part}?|.*part{part}.*|{part}(final)?",
        licence="academic use",
        source=(
            "https://github.com/desenzhou/ShanghaiTechDataset (the authors' links; Zhang et al., CVPR 2016, "
            "Single-Image Crowd Counting via Multi-Column Convolutional Neural Network)"
        ),
        tree=(
            f"part_{letter}/ (also part_{letter}_final, {letter})\n"
            "  train_data/images/IMG_1.jpg ...\n"
            "  train_data/ground-truth/GT_IMG_1.mat ... (also ground_truth)\n"
            "  test_data/ likewise\n"
            "or train.list and test.list with lines `image label`, and label files with lines `x y`"
        ),
        **facts,  # type: ignore[arg-type]
    )


PART_A = ShanghaiTech(
    "a",
    _about(
        "a",
        counts="482 images, 241,677 points (original release) or 241,275 (off-image points removed)",
        releases=(
            Release(
                title="release with off-image points removed (241,275)",
                points=241_275,
                splits={"train": Published(300, 162_413), "test": Published(182, 78_862)},
            ),
            Release(
                title="original release (241,677)",
                points=241_677,
                splits={"train": Published(300), "test": Published(182)},
            ),
        ),
    ),
)

PART_B = ShanghaiTech(
    "b",
    _about(
        "b",
        counts="716 images, 88,488 points (original release) or 88,272 (off-image points removed)",
        releases=(
            Release(
                title="release with off-image points removed (88,272)",
                points=88_272,
                splits={"train": Published(400), "test": Published(316)},
            ),
            Release(
                title="original release (88,488)",
                points=88_488,
                splits={"train": Published(400), "test": Published(316)},
            ),
        ),
    ),
)
