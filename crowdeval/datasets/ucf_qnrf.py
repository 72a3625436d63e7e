"""UCF-QNRF: the folders Train and Test, each with img_0001.jpg beside img_0001_ann.mat.

Source: Idrees et al., ECCV 2018, table 1 (1,535 images, 1,251,642 points).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crowdeval.datasets.contract import About, Contents, Published, Release, Survey, Truth
from crowdeval.datasets.listing import files_in, subfolder
from crowdeval.datasets.mat import annotated_points
from crowdeval.datasets.pairing import paired_contents, paired_survey
from crowdeval.errors import MissingFileError

_IMAGE = re.compile(r"img_[0-9]+", re.IGNORECASE)
_TRUTH = re.compile(r"(.+)_ann\.mat", re.DOTALL | re.IGNORECASE)

_ABOUT = About(
    name="ucf-qnrf",
    title="UCF-QNRF",
    splits=("train", "test"),
    parts=("train", "test"),
    folders=r"datasets?|data|.*ucf.*|.*qnrf.*",
    counts="1,535 images (1,201 train, 334 test), 1,251,642 points",
    licence="academic use; the images belong to their owners",
    source="https://www.crcv.ucf.edu/data/ucf-qnrf/ (Idrees et al., ECCV 2018)",
    tree="UCF-QNRF_ECCV18/\n  Train/img_0001.jpg, Train/img_0001_ann.mat ...\n  Test/ likewise",
    releases=(
        Release(
            title="UCF-QNRF (1,251,642)",
            points=1_251_642,
            splits={"train": Published(1201), "test": Published(334)},
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class UCFQNRF:
    """The reader of UCF-QNRF."""

    about: About = _ABOUT

    def home(self, folder: Path, split: str) -> Path | None:
        """Return ``folder`` if it has a folder Train or Test with files \\*_ann.mat."""
        return folder if any(_split_folder(folder, split) for split in self.about.splits) else None

    def survey(self, home: Path, split: str) -> Survey:
        """List the images and annotation files of a split."""
        folder = _split_folder(home, split)
        if folder is None:
            raise MissingFileError(f"{home} has no folder {split.title()} with files img_n_ann.mat")
        return paired_survey(home, split, files_in(folder), image=_IMAGE, truth=_TRUTH, image_folder=folder)

    def contents(self, survey: Survey) -> Contents:
        """Return the images of a split."""
        return paired_contents(survey, _truth)


UCF_QNRF = UCFQNRF()


def _split_folder(home: Path, split: str) -> Path | None:
    """Return the folder of a split, if it has annotation files."""
    folder = subfolder(home, split)
    if folder is None or not any(_TRUTH.fullmatch(path.name) for path in files_in(folder)):
        return None
    return folder


def _truth(path: Path) -> Truth:
    return Truth(xy=annotated_points(path))
