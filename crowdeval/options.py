"""The choices and defaults of the library, the help texts and the completion, as literals.

This module imports only typing, so that ``crowdeval --help`` starts fast.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

STANDARD_STREAM: Final = "-"
"""The file name that means standard input or output."""

Area: TypeAlias = Literal["area", "step", "coco101", "voc11"]
IntervalMethod: TypeAlias = Literal["bootstrap-t", "percentile", "bca", "basic"]
INTERVALS: tuple[IntervalMethod, ...] = ("bootstrap-t", "percentile", "bca", "basic")
"""Methods of confidence intervals."""
AREAS: tuple[Area, ...] = ("area", "step", "coco101", "voc11")
"""Ways to compute the area under a precision-recall curve."""

Pool: TypeAlias = Literal["set", "image"]
POOLS: tuple[Pool, ...] = ("set", "image")
"""Average precision of one ranked list over all images, or the mean of the average precision of every image."""

Missing: TypeAlias = Literal["error", "empty"]
MISSING: tuple[Missing, ...] = ("error", "empty")
"""Meanings of an annotated image that the predictions lack: an error, or an image without predicted points."""

IdStyle: TypeAlias = Literal["exact", "stem", "caseless", "number", "string-rank"]
ID_STYLES: tuple[IdStyle, ...] = ("exact", "stem", "caseless", "number", "string-rank")
"""Ways to compare image ids: as they are; without folder and known file extension; so, in any case; by the last number
in them; or numbers 1, 2, ... as the rank of the annotated image in the order of text."""

Extra: TypeAlias = Literal["error", "ignore"]
EXTRA: tuple[Extra, ...] = ("error", "ignore")
"""Meanings of a predicted image that is not annotated: an error, or left out."""

COLUMN_SPELLINGS: dict[str, tuple[str, ...]] = {
    "image": (
        "image", "images", "image_name", "file_name", "img_name", "image_path", "file", "img", "image_id", "img_id",
        "img_path", "image_file", "filepath", "file_path", "path", "basename", "photo", "picture",
    ),
    "score": ("score", "scores", "confidence", "conf", "detection_score", "probability", "prob", "p"),
    "label": ("label", "species", "class_name", "category", "class", "labels"),
}  # fmt: skip
"""Spellings of the columns of a table of points, in the order of preference; case, - and _ do not matter."""

OffImage: TypeAlias = Literal["keep", "drop", "clip"]
OFF_IMAGE: tuple[OffImage, ...] = ("keep", "drop", "clip")
"""Treatments of true points outside their image."""

Lone: TypeAlias = str
"""Scale d_k of a true point that is alone in its image: ``"inf"``, ``"diagonal"`` or a number of pixels as text."""

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
"""Named lists of metrics. A metric of a preset whose data are missing is left out with a warning."""

METRICS = (
    "nAP", "nAP@0.5", "MAE", "MSE", "RMSE", "NAE", "bias", "F1@sigma_l", "F1@8px", "Precision@sigma_l",
    "Recall@sigma_l", "TP@sigma_l", "FP@sigma_l", "FN@sigma_l", "L-Precision@1:1:100px", "L-Recall@1:1:100px",
    "L-F1@1:1:100px", "AP@8px", "L-AUC@1:1:100px", "MLE@16px", "GAME(1)",
)  # fmt: skip
"""Metric strings that the completion of the shell suggests."""

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
"""Splits of every dataset whose annotations are public; the split of a folder is any path."""

SHARD: Final = 16
"""Number of images in a shard of a run; an interruption loses at most one shard."""

OVERLAP: Final = 128
"""Pixels by which a tile is larger than its core, on each side."""

MERGE: Final = 8.0
"""Distance in pixels within which two points are merged: points of two tiles, or of the image and its mirror image."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif", ".jp2")
"""Suffixes of image files in lower case."""

RESAMPLES: Final = 1000
"""Number of resamples of a confidence interval."""

ROUNDS: Final = 9999
"""Number of rounds of a randomization test."""

SEED: Final = 0
"""Seed of the random numbers of resamples."""

VIDEO_SUFFIXES = (
    ".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mjpeg", ".mjpg", ".ts", ".mts", ".m2ts", ".wmv",
    ".flv", ".ogv", ".3gp", ".vob", ".mxf", ".h264", ".264", ".h265", ".265", ".hevc",
)  # fmt: skip
"""Suffixes of videos in lower case; a file with another one is a video, too, if PyAV opens it."""

MAX_PIXELS: Final = 178_956_970
"""Number of pixels of the largest image, or tile of a larger one, that is decoded; it is Pillow's own limit."""

MAX_FAILURES: Final = 10
"""Number of images that may fail before a run stops."""

REPORT_SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".txt": "table",
}
"""Form of a report for every file suffix."""

LEADERBOARD_SUFFIXES = {
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
}
"""Form of a leaderboard for every file suffix."""
