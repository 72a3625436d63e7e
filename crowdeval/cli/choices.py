"""The words that arguments and options can have: tuples of names, their completion in a shell, their order."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

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


def require_order(adapter: str, images: str) -> None:
    """Raise click's UsageError where the arguments of ``crowdeval predict`` are in the other order.

    Parameters
    ----------
    adapter, images : str
        The first and the second argument.

    Raises
    ------
    click.UsageError
        Not where the images may be images, or the adapter may be an adapter.

    Examples
    --------
    >>> require_order("model.py:Model", "photos/")
    >>> require_order("nwpu:val", "yunet")
    Traceback (most recent call last):
    click.exceptions.UsageError: expected ADAPTER before IMAGES; did you mean: crowdeval predict yunet nwpu:val
    """
    if _may_be_images(adapter) and not _may_be_images(images) and _may_be_adapter(images):
        words = shlex.join([images, adapter])
        raise click.UsageError(f"expected ADAPTER before IMAGES; did you mean: crowdeval predict {words}")


def _may_be_images(text: str) -> bool:
    return text not in ADAPTERS and (text.partition(":")[0] in DATASETS or Path(text).is_dir())


def _may_be_adapter(text: str) -> bool:
    place = text.rpartition(":")[0] or text
    if place.endswith(".py") or place != text or text in ADAPTERS:
        return True
    from crowdeval.adapters import ADAPTERS as INSTALLED

    return text in INSTALLED


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
