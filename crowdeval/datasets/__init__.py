"""Benchmark folders as distributed <-> columns: named ``NAME:SPLIT``, found on the disk, never downloaded.

``open_dataset("shanghaitech-a:test")`` gives the annotations of a split, ``check_dataset("shanghaitech-a")`` says
what of a dataset is there. Nothing is written into a dataset's folder.
"""

from __future__ import annotations

import os
from difflib import get_close_matches

from crowdeval.datasets.contract import About, Contents, Dataset, Item, Published, Release, Split, Survey, Truth
from crowdeval.datasets.listing import plain
from crowdeval.errors import MissingFileError, UsageError, did_you_mean, listed
from crowdeval.plugins import Extensions

__all__ = [
    "DATASETS",
    "About",
    "Contents",
    "Dataset",
    "Item",
    "Published",
    "Release",
    "Split",
    "Survey",
    "Truth",
    "is_dataset_spec",
    "open_dataset",
]

DATASETS: Extensions[Dataset] = Extensions("dataset", "crowdeval.datasets")
"""Name to dataset."""

_NEAR = 0.75
"""How near (difflib's ratio) a name must be to a dataset's for NAME:SPLIT to be taken for one."""


def is_dataset_spec(text: str) -> bool:
    """Return whether an argument means a dataset's split; a file of that name goes before.

    True also for a dataset's name alone and for a name near one, which ``open_dataset`` then answers with the
    splits, or the names, that there are.

    >>> is_dataset_spec("ShanghaiTech-A:test"), is_dataset_spec("shanghaitech-a"), is_dataset_spec("jhu-crowd:val")
    (True, True, True)
    >>> is_dataset_spec("gt.json"), is_dataset_spec("C:/gt.json")
    (False, False)
    """
    name, colon, _ = text.partition(":")
    near = get_close_matches(plain(name), [plain(each) for each in DATASETS], cutoff=_NEAR) if colon else []
    return (bool(near) or dataset_name(name) in DATASETS) and not os.path.exists(text)


def open_dataset(spec: str, *, root: str | os.PathLike[str] | None = None, cache: bool = True) -> Split:
    """Read a split of a dataset.

    Parameters
    ----------
    spec : str
        ``"NAME:SPLIT"``: ``"shanghaitech-a:test"``, ``"ucf-cc-50:fold1"``, ``"folder:mydata"``; case, ``-``, ``_``
        and blanks in the name do not matter.
    root : str or path, optional
        The dataset's folder or one above it; else it is sought in CROWDEVAL_DATA and in crowdeval.toml.
    cache : bool
        Whether what was read from the same files before is taken from the user's cache, and put there.

    Returns
    -------
    Split
        Annotations, image paths in the same order, and notes.

    Raises
    ------
    UsageError
        If there is no such dataset or split.
    MissingFileError
        If the dataset is not found; says what was expected, where it was sought and how one obtains it.
    FormatError
        If files of it are damaged; names every one.
    """
    from crowdeval.datasets.cache import cached, files_digest, keep
    from crowdeval.datasets.reading import reading_of, split_of
    from crowdeval.datasets.roots import home_of

    dataset, split = dataset_and_split(spec)
    home = home_of(dataset, split, root)
    survey = dataset.survey(home, split)
    found = cached(dataset.about.name, survey) if cache else None
    if found is None:
        digest = files_digest(dataset.about.name, survey) if cache else ""
        found = split_of(reading_of(dataset, survey))
        if cache:
            keep(found, survey, digest)
    return found


def dataset_and_split(spec: str) -> tuple[Dataset, str]:
    """Return the dataset and the split that a spec names; raise UsageError where there is none."""
    name, _, split = spec.partition(":")
    dataset = dataset_named(name)
    name, splits = dataset.about.name, dataset.about.splits
    if not split:
        known = f" (splits: {listed(splits, most=20)})" if splits else ""
        raise UsageError(f"{spec!r}: expected NAME:SPLIT, such as {name}:{splits[0] if splits else 'PATH'}{known}")
    if split in dataset.about.hidden:
        raise MissingFileError(f"{spec}: {dataset.about.hidden[split]}")
    if splits and split not in splits:
        known = listed(splits, most=20)
        raise UsageError(f"{name} has no split {split!r}{did_you_mean(split, splits)} (known: {known})")
    return dataset, split


def dataset_named(name: str) -> Dataset:
    """Return the dataset of a name; raise UsageError, with the near ones, where there is none."""
    return DATASETS[dataset_name(name)]


def dataset_name(name: str) -> str:
    """Return the dataset's name that differs in case, ``-``, ``_`` and blanks at most; the same name where none does.

    >>> dataset_name("ShanghaiTech_A")
    'shanghaitech-a'
    """
    return name if name in DATASETS else next((each for each in DATASETS if plain(each) == plain(name)), name)
