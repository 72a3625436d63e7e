"""What arguments and options offer, as literal tables: help and completion import nothing that measures.

The tests hold every table against the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

PAPER_DELTA = "0.05:0.05:0.5"
AREAS = ("area", "step", "coco101", "voc11")
POOLS = ("set", "image")
OFF_IMAGE = ("keep", "drop", "clip")
MISSING = ("error", "empty")
ID_STYLES = ("exact", "stem")
PRESETS = ("paper", "nwpu", "shanghaitech", "qnrf", "jhu", "everything", "none")
FORMATS = ("json", "jsonl", "csv", "parquet", "nwpu", "coco")
ADAPTERS = ("points", "torchvision", "onnx", "density", "yunet", "command")
SHARD = 16

METRICS = (
    "nAP", "nAP@0.5", "MAE", "MSE", "RMSE", "NAE", "bias", "F1@sigma_l", "F1@8px", "Precision@sigma_l",
    "Recall@sigma_l", "TP@sigma_l", "FP@sigma_l", "FN@sigma_l", "L-Precision@1:1:100px", "L-Recall@1:1:100px",
    "L-F1@1:1:100px", "AP@8px", "L-AUC@1:1:100px", "MLE@16px", "GAME(1)",
)  # fmt: skip

_FOLDS = ("fold1", "fold2", "fold3", "fold4", "fold5")
SPLITS = {
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

DATASETS = tuple(SPLITS)
DATASET_SPLITS = tuple(f"{name}:{split}" for name, splits in SPLITS.items() for split in splits or ("",))

REPORT_SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".txt": "table",
}
"""File suffix to the form of a report."""

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def offered(words: Iterable[str], *, files: bool = False) -> Completer:
    """Return a completion of words, whatever their case; with ``files`` of files too, once something is typed."""

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        fitting = [CompletionItem(word) for word in words if word.lower().startswith(begun.lower())]
        if not files:
            return fitting
        return [CompletionItem(begun, type="file"), *(fitting if begun else [])]

    return complete
