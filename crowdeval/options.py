"""Every choice and default as plain literals: help, completion and the library read one table, importing nothing.

Nothing is imported here but typing, so that ``crowdeval --help`` costs no more than its command line.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

STANDARD_STREAM: Final = "-"
"""The file name that means standard input or output."""

Area: TypeAlias = Literal["area", "step", "coco101", "voc11"]
AREAS: tuple[Area, ...] = ("area", "step", "coco101", "voc11")
"""How the area under a precision-recall curve is taken."""

Pool: TypeAlias = Literal["set", "image"]
POOLS: tuple[Pool, ...] = ("set", "image")
"""One ranked list over all images, or the mean of per-image average precision."""

Missing: TypeAlias = Literal["error", "empty"]
MISSING: tuple[Missing, ...] = ("error", "empty")
"""What an annotated image without predictions is."""

IdStyle: TypeAlias = Literal["exact", "stem"]
ID_STYLES: tuple[IdStyle, ...] = ("exact", "stem")
"""How image ids are compared."""

OffImage: TypeAlias = Literal["keep", "drop", "clip"]
OFF_IMAGE: tuple[OffImage, ...] = ("keep", "drop", "clip")
"""What happens to true points outside their image."""

Lone: TypeAlias = str
"""``"inf"``, ``"diagonal"`` or a number of pixels written as text."""

PAPER_DELTA: Final = "0.05:0.05:0.5"
PAPER_K: Final = 3
COUNT_THRESHOLD: Final = 0.5

_COUNTING = ("MAE", "RMSE", "NAE")
_BY_LEVEL = ("Recall@sigma_l by level", "Recall@sigma_s by level")
_QNRF = ("L-Precision@1:1:100px", "L-Recall@1:1:100px", "L-F1@1:1:100px", "L-AUC@1:1:100px")
_JHU = ("jhu_level", "jhu_weather")


def _rates(*radii: str) -> tuple[str, ...]:
    return tuple(f"{name}@{radius}" for radius in radii for name in ("F1", "Precision", "Recall"))


PRESETS: dict[str, tuple[str, ...]] = {
    "paper": ("nAP", *_COUNTING),
    "nwpu": (*_COUNTING, "MAE[S]", "MAE[L]", *_rates("sigma_l", "sigma_s"), *_BY_LEVEL),
    "shanghaitech": ("nAP", *_COUNTING, *_rates("4px", "8px")),
    "qnrf": (*_COUNTING, *_QNRF),
    "jhu": ("MAE", "RMSE", *(f"{name} by {group}" for group in _JHU for name in ("MAE", "RMSE"))),
    "everything": (
        "nAP", *_COUNTING, "bias", "MAE[S]", "MAE[L]", "MAE by count_quartile", "MAE by scale_quartile",
        *_rates("sigma_l", "sigma_s", "4px", "8px"), *_BY_LEVEL, *_QNRF, "AP@5:5:50px", "MLE@16px",
        "GAME(0)", "GAME(1)", "GAME(2)", "GAME(3)",
    ),
    "none": (),
}  # fmt: skip
"""Named lists of metrics. What the data can't give is left out of a preset with a warning."""

METRICS = (
    "nAP", "nAP@0.5", "MAE", "MSE", "RMSE", "NAE", "bias", "F1@sigma_l", "F1@8px", "Precision@sigma_l",
    "Recall@sigma_l", "TP@sigma_l", "FP@sigma_l", "FN@sigma_l", "L-Precision@1:1:100px", "L-Recall@1:1:100px",
    "L-F1@1:1:100px", "AP@8px", "L-AUC@1:1:100px", "MLE@16px", "GAME(1)",
)  # fmt: skip
"""Metric strings that completion offers."""

_FOLDS = ("fold1", "fold2", "fold3", "fold4", "fold5")
SPLITS: dict[str, tuple[str, ...]] = {
    "shanghaitech-a": ("train", "test"),
    "shanghaitech-b": ("train", "test"),
    "ucf-cc-50": ("all", *_FOLDS, *(f"{fold}-train" for fold in _FOLDS)),
    "ucf-qnrf": ("train", "test"),
    "nwpu": ("train", "val"),
    "jhu-crowd++": ("train", "val", "test"),
    "wider-face": ("train", "val"),
    "folder": (),
}
"""Dataset to the splits whose annotations are public; a folder's split is any path."""

SHARD: Final = 16
"""Images in a shard of a run: what an interruption can lose."""

OVERLAP: Final = 128
"""Pixels that a tile sees beyond its core, on each side."""

MERGE: Final = 8.0
"""Pixels within which two points on two sides of a seam, or of the image and its mirror image, are one."""

MAX_FAILURES: Final = 10
"""Images that may fail before a run stops."""

REPORT_SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".txt": "table",
}
"""File suffix to the form of a report."""

LEADERBOARD_SUFFIXES = {
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
}
"""File suffix to the form of a leaderboard."""
