"""What arguments and options offer for completion: the names in the tables, and a completion of any words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from crowdeval.options import SPLITS
from crowdeval.plugins import TABLES

FORMATS = tuple(TABLES["crowdeval.formats"])
ADAPTERS = tuple(TABLES["crowdeval.adapters"])
DATASETS = tuple(SPLITS)
DATASET_SPLITS = tuple(f"{name}:{split}" for name, splits in SPLITS.items() for split in splits or ("",))

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def offered(words: Iterable[str], *, files: bool = False) -> Completer:
    """Return a completion of words, whatever their case; with ``files`` of files too, once something is typed."""

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        fitting = [CompletionItem(word) for word in words if word.lower().startswith(begun.lower())]
        if not files:
            return fitting
        return [CompletionItem(begun, type="file"), *(fitting if begun else [])]

    return complete
