"""ShanghaiTech, parts A and B: train_data and test_data with images/IMG_n.jpg and ground-truth/GT_IMG_n.mat.

Coordinates are continuous and 0-based; nothing is subtracted. ``image_info`` holds a struct with the fields
``location`` and ``number``, bare or in a cell. A folder with list files of the P2PNet kind is read too: a line is
``image label``, a label file has a point ``x y`` a line.

Source: Zhang et al., CVPR 2016 (totals of the original release). The release that most copies on the web are today
lacks the points outside the images; its totals are counted from it.
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
    absent,
    files_in,
    folders_in,
    image_ids,
    in_order,
    inside,
    lines_of,
    natural,
    plain,
    subfolder,
)
from crowdeval.datasets.mat import column, mat_variables, named, record
from crowdeval.datasets.number_text import number_rows
from crowdeval.datasets.pairing import paired_contents, paired_survey
from crowdeval.errors import FormatError, MissingFileError, Problem
from crowdeval.formats.contract import counted

_IMAGE = re.compile(r"IMG_\d+", re.IGNORECASE)
_TRUTH = re.compile(r"GT_(.+)\.mat", re.DOTALL | re.IGNORECASE)
_LIST_LINE = re.compile(r"(.+?\.(?:jpe?g|png|bmp))\s+(\S.*)", re.IGNORECASE)
_PART = re.compile(r"(?:.*part|sht?h?)?([ab])(?:final)?")


@dataclass(frozen=True, slots=True)
class ShanghaiTech:
    """One part of ShanghaiTech."""

    part: str
    about: About

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it has this part's splits or list files and is not called after the other part."""
        named = _PART.fullmatch(plain(os.path.basename(os.path.realpath(folder))))
        if named and named[1] != self.part:
            return None
        there = any(_split_folder(folder, each) or _list_file(folder, self.part, each) for each in self.about.splits)
        return folder if there else None

    def survey(self, home: Path, split: str) -> Survey:
        """List images and ground truth of a split, or its list file."""
        folder = _split_folder(home, split)
        file = _list_file(home, self.part, split)
        if folder is None and file is not None:
            return _listed_survey(home, split, file)
        if folder is None:
            raise MissingFileError(f"{home} has no folder {split}_data and no list file {split}.list")
        images = subfolder(folder, "images")
        truths, others = _truth_folder(folder)
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
        return replace(survey, problems=(*survey.problems, f"several folders of ground truth: {truths.name!r} is read"))

    def contents(self, survey: Survey) -> Contents:
        """Return the images of a split that have ground truth."""
        return paired_contents(survey, _truth)


def _split_folder(home: Path, split: str) -> Path | None:
    folder = subfolder(home, f"{split}_data", split)
    if folder is None:
        return None
    below = {plain(path.name) for path in folders_in(folder)}
    return folder if any(name == "images" or name.startswith("ground") for name in below) else None


def _truth_folder(folder: Path) -> tuple[Path | None, list[Path]]:
    """Return the folder of the .mat files and the others of the kind; density maps (.h5) do not count."""
    candidates = [path for path in folders_in(folder) if plain(path.name).startswith("ground")]
    candidates.sort(key=lambda path: (plain(path.name) != "groundtruth", natural(path.name)))
    found = [path for path in candidates if any(_TRUTH.fullmatch(file.name) for file in files_in(path))]
    return (found[0] if found else None), found[1:]


def _list_file(home: Path, part: str, split: str) -> Path | None:
    """Return the list file of a split, such as train.list or shanghai_tech_part_a_test.list."""
    other = "b" if part == "a" else "a"
    for path in files_in(home):
        words = re.split(r"[^a-z]+", path.stem.lower())
        named = f"part{other}" in plain(path.stem) or f"sh{other}" in words
        if path.suffix.lower() == ".list" and split in words and not named:
            return path
    return None


def _listed_survey(home: Path, split: str, file: Path) -> Survey:
    rows = list(_listed(home, file))
    ids = image_ids(str(image.relative_to(home)) for image, _ in rows)
    repeats = len(ids) - len(set(ids))
    if repeats:
        problem = Problem(expected="every image once", found=f"{counted(repeats, 'image')} again")
        raise FormatError(str(file), [problem])
    images = {name: image for name, (image, _) in zip(ids, rows, strict=True)}
    truths = {name: truth for name, (_, truth) in zip(ids, rows, strict=True)}
    gone = {name for name, path in images.items() if not path.is_file()}
    problems = absent("listed images that are not there", gone, "kept, size unknown")
    lost = {name for name, path in truths.items() if not path.is_file()}
    problems += absent("listed labels that are not there", lost, "left out")
    return Survey(
        home=home,
        split=split,
        images=in_order(images),
        truths=in_order({name: path for name, path in truths.items() if name not in lost}),
        lists=(file,),
        image_folder=home,
        problems=tuple(problems),
    )


def _listed(home: Path, file: Path) -> Iterator[tuple[Path, Path]]:
    for number, line in lines_of(file):
        match = _LIST_LINE.fullmatch(line)
        if match is None:
            problem = Problem(expected="an image and a label file", found=repr(line[:60]), line=number)
            raise FormatError(str(file), [problem])
        image, truth = (inside(home, name, file=file, line=number) for name in match.groups())
        yield image, truth


def _truth(path: Path) -> Truth:
    if path.suffix.lower() != ".mat":
        return Truth(xy=number_rows(path, 2, "x y"))
    info = record(path, named(path, mat_variables(path), "image_info"), "image_info")
    xy = column(path, named(path, info, "location", what="field"), "image_info.location")
    number = info.get("number")
    said = int(number.flat[0]) if isinstance(number, np.ndarray) and number.size == 1 else len(xy)
    note = f"{path.name}: image_info.number says {said}, image_info.location has {counted(len(xy), 'point')} (kept)"
    return Truth(xy=xy, notes=(note,) if said != len(xy) else ())


def _about(part: str, **facts: object) -> About:
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
            "or train.list and test.list, a line `image label`, labels with a point `x y` a line"
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
