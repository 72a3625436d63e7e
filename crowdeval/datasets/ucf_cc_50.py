"""UCF_CC_50: fifty grey images, N.jpg beside N_ann.mat in one folder, and five folds by custom.

The dataset has no official split. By custom fold k holds out the images 10 (k - 1) + 1 to 10 k (1-10, 11-20, ...);
a file ``folds.txt`` in the folder replaces this: line k lists the images that fold k holds out. ``fold1`` is the
held-out part, ``fold1-train`` the other images, ``all`` everything.

Source: Idrees et al., CVPR 2013. The annotation files hold 63,974 points; some papers
say 63,075.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crowdeval.datasets.contract import About, Contents, Published, Release, Survey, Truth
from crowdeval.datasets.listing import files_in, is_image, lines_of, natural
from crowdeval.datasets.mat import annotated_points
from crowdeval.datasets.pairing import paired_contents, paired_survey
from crowdeval.errors import FormatError, Problem, listed
from crowdeval.formats.contract import counted

FOLDS = 5
FOLD_FILE = "folds.txt"

_IMAGE = re.compile(r"[0-9]+")
_TRUTH = re.compile(r"([0-9]+)_ann\.mat", re.IGNORECASE)
_HELD_OUT = tuple(f"fold{k}" for k in range(1, FOLDS + 1))

_ABOUT = About(
    name="ucf-cc-50",
    title="UCF_CC_50",
    splits=("all", *_HELD_OUT, *(f"{fold}-train" for fold in _HELD_OUT)),
    parts=_HELD_OUT,
    folders=r"datasets?|data|.*ucf.*",
    counts="50 images, 63,974 points; five folds of ten by custom (1-10, 11-20, ...)",
    licence="academic use; the images belong to their owners",
    source="https://www.crcv.ucf.edu/data/ucf-cc-50/ (Idrees et al., CVPR 2013)",
    tree=(
        "UCF_CC_50/\n"
        "  1.jpg, 1_ann.mat ... 50.jpg, 50_ann.mat\n"
        f"  {FOLD_FILE} (optional: line k lists the images that fold k holds out)"
    ),
    releases=(Release(title="UCF_CC_50 (63,974)", points=63_974, splits={"all": Published(50, 63_974)}),),
)


@dataclass(frozen=True, slots=True)
class UCFCC50:
    """UCF_CC_50."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it holds files N_ann.mat."""
        return folder if any(_TRUTH.fullmatch(path.name) for path in files_in(folder)) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the images and annotation files of a fold."""
        files = files_in(home)
        lists = [path for path in files if path.name == FOLD_FILE]
        files = [path for path in files if path.name != FOLD_FILE]
        stems = {match[1] for path in files if (match := _TRUTH.fullmatch(path.name))}
        stems |= {path.stem for path in files if is_image(path) and _IMAGE.fullmatch(path.stem)}
        ordered = sorted(stems, key=natural)
        chosen = _chosen(split, _listed_folds(lists[0], ordered) if lists else _customary_folds(ordered))
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
        """Return the images of a fold."""
        return paired_contents(survey, _truth)


UCF_CC_50 = UCFCC50()


def _truth(path: Path) -> Truth:
    return Truth(xy=annotated_points(path))


def _chosen(split: str, folds: list[set[str]]) -> set[str]:
    everything = set().union(*folds)
    if split == "all":
        return everything
    held_out = folds[int(split.removeprefix("fold").removesuffix("-train")) - 1]
    return everything - held_out if split.endswith("-train") else held_out


def _customary_folds(stems: list[str]) -> list[set[str]]:
    """Return ten consecutive numbers a fold; a number beyond fifty belongs to the last."""
    folds: list[set[str]] = [set() for _ in range(FOLDS)]
    for stem in stems:
        folds[min(max(int(stem) - 1, 0) // 10, FOLDS - 1)].add(stem)
    return folds


def _listed_folds(file: Path, stems: list[str]) -> list[set[str]]:
    lines = [re.split(r"[\s,]+", line.strip(", ")) for _, line in lines_of(file)]
    names = [name for line in lines for name in line]
    faults = []
    if len(lines) != FOLDS:
        faults.append(Problem(expected=f"{FOLDS} lines, a fold each", found=f"{len(lines)}"))
    if len(set(names)) != len(names):
        faults.append(
            Problem(expected="every image once", found=f"{counted(len(names) - len(set(names)), 'name')} again")
        )
    if set(names) != set(stems):
        odd = sorted(set(names) ^ set(stems), key=natural)
        faults.append(Problem(expected="the images of the folder, all of them", found=f"a difference in {listed(odd)}"))
    if faults:
        raise FormatError(str(file), faults)
    return [set(line) for line in lines]
