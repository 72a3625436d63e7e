"""UCF_CC_50: fifty grey images, N.jpg beside N_ann.mat in one folder, and five folds.

The dataset has no official split. By convention, fold k has the images 10 (k - 1) + 1 to 10 k (1-10, 11-20, ...). A
file ``folds.txt`` in the folder replaces this: its line k lists the images of fold k. The splits are

- ``fold1`` to ``fold5``, the images of one fold, on which a model is tested;
- ``fold1-train`` to ``fold5-train``, the images of the other four folds;
- ``all``, all images.

Source: Idrees et al., CVPR 2013. The annotation files have 63,974 points; some papers say 63,075.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crowdeval.datasets.contract import About, Contents, Published, Release, Survey, Truth
from crowdeval.datasets.listing import files_in, is_image, lines_of
from crowdeval.datasets.mat import annotated_points
from crowdeval.datasets.pairing import paired_contents, paired_survey
from crowdeval.errors import FormatError, Problem, listed
from crowdeval.formats.contract import counted
from crowdeval.points.labels import natural_key

_FOLDS = 5
_FOLD_FILE = "folds.txt"
_IMAGE = re.compile(r"[0-9]+")
_TRUTH = re.compile(r"([0-9]+)_ann\.mat", re.IGNORECASE)
_HELD_OUT = tuple(f"fold{k}" for k in range(1, _FOLDS + 1))

_ABOUT = About(
    name="ucf-cc-50",
    title="UCF_CC_50",
    splits=("all", *_HELD_OUT, *(f"{fold}-train" for fold in _HELD_OUT)),
    parts=_HELD_OUT,
    folders=r"datasets?|data|.*ucf.*",
    counts="50 images, 63,974 points; five folds of ten images by convention (1-10, 11-20, ...)",
    licence="academic use; the images belong to their owners",
    source="https://www.crcv.ucf.edu/data/ucf-cc-50/ (Idrees et al., CVPR 2013)",
    tree=(
        "UCF_CC_50/\n"
        "  1.jpg, 1_ann.mat ... 50.jpg, 50_ann.mat\n"
        f"  {_FOLD_FILE} (optional: line k lists the images of fold k)"
    ),
    releases=(Release(title="UCF_CC_50 (63,974)", points=63_974, splits={"all": Published(50, 63_974)}),),
)


@dataclass(frozen=True, slots=True)
class UCFCC50:
    """The reader of UCF_CC_50."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it has files N_ann.mat."""
        return folder if any(_TRUTH.fullmatch(path.name) for path in files_in(folder)) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the images and annotation files of a split."""
        files = files_in(home)
        lists = [path for path in files if path.name == _FOLD_FILE]
        files = [path for path in files if path.name != _FOLD_FILE]
        stems = {match[1] for path in files if (match := _TRUTH.fullmatch(path.name))}
        stems |= {path.stem for path in files if is_image(path) and _IMAGE.fullmatch(path.stem)}
        ordered = sorted(stems, key=natural_key)
        chosen = _images_of(split, _folds_of_file(lists[0], ordered) if lists else _usual_folds(ordered))
        return paired_survey(
            home,
            split,
            files,
            image=_IMAGE,
            truth=_TRUTH,
            image_folder=home,
            lists=tuple(lists),
            only=chosen.__contains__,
        )

    def contents(self, survey: Survey) -> Contents:
        """Return the images of a split."""
        return paired_contents(survey, _truth)


UCF_CC_50 = UCFCC50()


def _truth(path: Path) -> Truth:
    return Truth(xy=annotated_points(path))


def _images_of(split: str, folds: list[set[str]]) -> set[str]:
    """Return the stems of the images of a split: those of a fold, of the other folds (-train), or of all."""
    everything = set().union(*folds)
    if split == "all":
        return everything
    fold = folds[int(split.removeprefix("fold").removesuffix("-train")) - 1]
    return everything - fold if split.endswith("-train") else fold


def _usual_folds(stems: list[str]) -> list[set[str]]:
    """Return five folds of ten consecutive numbers; a number above fifty belongs to the last one."""
    # numbers 1 ... 10 -> (0 ... 9) // 10 = 0; 11 ... 20 -> 1; 0 counts as 1
    folds: list[set[str]] = [set() for _ in range(_FOLDS)]
    for stem in stems:
        folds[min(max(int(stem) - 1, 0) // 10, _FOLDS - 1)].add(stem)
    return folds


def _folds_of_file(file: Path, stems: list[str]) -> list[set[str]]:
    """Return the folds of folds.txt; raise FormatError where they do not have each image of the folder once."""
    lines = [re.split(r"[\s,]+", line.strip(", ")) for _, line in lines_of(file)]
    names = [name for line in lines for name in line]
    problems = []
    if len(lines) != _FOLDS:
        problems.append(Problem(expected=f"{_FOLDS} lines, one for each fold", found=counted(len(lines), "line")))
    repeats = len(names) - len(set(names))
    if repeats:
        problems.append(Problem(expected="every image once", found=f"{counted(repeats, 'name')} again"))
    if set(names) != set(stems):
        different = listed(sorted(set(names) ^ set(stems), key=natural_key))
        found = f"a difference in {different}"
        problems.append(Problem(expected="all images of the folder and no others", found=found))
    if problems:
        raise FormatError(str(file), problems)
    return [set(line) for line in lines]
