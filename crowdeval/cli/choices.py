"""Completion of arguments and options in a shell: tuples of names, and a completion function for a list of words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from crowdeval.options import SPLITS
from crowdeval.plugins import TABLES

FORMATS = tuple(TABLES["crowdeval.formats"])
WRITTEN = ("json", "jsonl", "csv", "parquet", "nwpu", "coco")
"""The formats that are written, too."""

ADAPTERS = tuple(TABLES["crowdeval.adapters"])
DATASETS = tuple(SPLITS)
DATASET_SPLITS = tuple(f"{name}:{split}" for name, splits in SPLITS.items() for split in splits or ("",))

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completer(words: Iterable[str], *, files: bool = False) -> Completer:
    """Return a function that completes the beginning of a word, for the ``shell_complete`` of click.

    Parameters
    ----------
    words : iterable of str
        The words to suggest. Upper and lower case are not distinguished.
    files : bool
        Suggest file names too; the words are then suggested only after the first character.

    Returns
    -------
    callable
        A function of the click context, the click parameter and the typed characters.

    Examples
    --------
    >>> complete = completer(["nAP", "NAE", "MAE"])
    >>> [item.value for item in complete(None, None, "na")]
    ['nAP', 'NAE']
    """

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        suggestions = [CompletionItem(word) for word in words if word.lower().startswith(begun.lower())]
        if not files:
            return suggestions
        return [CompletionItem(begun, type="file"), *(suggestions if begun else [])]

    return complete
