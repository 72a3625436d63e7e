"""The search for the folder of a dataset.

It is searched in the folder of ``--root`` alone if there is one, else in the folder that the environment variable
CROWDEVAL_DATA names, then in the folders that the nearest crowdeval.toml names. Each of them may be the dataset's own
folder or one some levels above it. The file has a table::

    [datasets]
    root = "/data/crowds"                       # searched for every dataset
    shanghaitech-a = "/data/SHT/part_A_final"   # searched for this one only; relative paths start at the file
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crowdeval.datasets.contract import About, Dataset
from crowdeval.datasets.listing import folders_near
from crowdeval.errors import FormatError, MissingFileError, Problem, Problems, shown

ENVIRONMENT = "CROWDEVAL_DATA"
"""Environment variable that names a folder with datasets."""

SETTINGS = "crowdeval.toml"
"""Name of the settings file, which is searched in the current folder and those above it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder to search, or None where a place names no folder, and the place as text for a message."""

    folder: Path | None
    origin: str


def home_of(dataset: Dataset, split: str, root: str | os.PathLike[str] | None) -> Path:
    """Return the dataset's own folder.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    split : str
        Name of the split; for a folder of your own, its path.
    root : str or path, optional
        The only folder to search; by default CROWDEVAL_DATA and crowdeval.toml name the folders.

    Returns
    -------
    Path

    Raises
    ------
    MissingFileError
        If the dataset is in none of the places. The message has the places, the expected folder, and the source of
        the dataset.
    FormatError
        If crowdeval.toml is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from crowdeval.datasets import DATASETS
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "UCF_CC_50").mkdir()
    ...     Path(folder, "UCF_CC_50", "1_ann.mat").touch()
    ...     home_of(DATASETS["ucf-cc-50"], "fold1", folder).name
    'UCF_CC_50'
    """
    searched = []
    for place in _places(dataset.about, root):
        home = _home_in(dataset, split, place.folder) if place.folder is not None else None
        if home is not None:
            return home
        reason = "" if place.folder is None else f" {place.folder}: {_reason(place.folder, dataset.about)}"
        searched.append(place.origin + reason)
    raise MissingFileError(_not_found(dataset.about, split, searched))


def _places(about: About, root: str | os.PathLike[str] | None) -> Iterator[_Place]:
    """Yield the places in which a dataset is searched, in this order; a root is the only one."""
    if root is not None:
        yield _Place(Path(os.path.expanduser(root)), "root")
        return
    if about.paths:
        yield _Place(Path(), "the current folder")
    folder = os.environ.get(ENVIRONMENT)
    yield _Place(Path(os.path.expanduser(folder)), ENVIRONMENT) if folder else _Place(None, f"{ENVIRONMENT} is not set")
    file = _settings_file()
    if file is None:
        yield _Place(None, f"there is no {SETTINGS} in the current folder or above it")
        return
    settings = _settings(file)
    for key in (about.name, "root"):
        if key in settings:
            yield _Place(file.parent / os.path.expanduser(settings[key]), f"{file} ({key})")
    if not settings.keys() & {about.name, "root"}:
        yield _Place(None, f"{file} has neither root nor {about.name} in [datasets]")


def _home_in(dataset: Dataset, split: str, folder: Path) -> Path | None:
    """Return the dataset's own folder, searched from a folder downwards."""
    for candidate in folders_near(folder, dataset.about.folders):
        home = dataset.home(candidate, split)
        if home is not None:
            return home
    return None


def _reason(folder: Path, about: About) -> str:
    """Return why a dataset was not found in a folder, for a message."""
    for candidate in folders_near(folder, about.folders):
        try:
            os.scandir(candidate).close()
        except PermissionError:
            return "permission denied" if candidate == folder else f"permission denied for {candidate}"
        except (OSError, ValueError):
            return "no such folder"
    return "the dataset is not in this folder"


def _settings_file() -> Path | None:
    """Return the settings file of the current folder, or of the nearest folder above that has one."""
    current = Path.cwd()
    return next((folder / SETTINGS for folder in (current, *current.parents) if (folder / SETTINGS).is_file()), None)


def _settings(file: Path) -> dict[str, str]:
    """Return the folders in the table [datasets] by key; raise FormatError with everything that is wrong in it."""
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("datasets", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as problem:
        raise FormatError(str(file), [Problem(expected="TOML", found=str(problem))]) from None
    problems = Problems(str(file))
    if not isinstance(table, dict):
        problems.add("a table of folders by name", shown(table), key="datasets")
        raise problems.error()
    for key, value in table.items():
        if not isinstance(value, str):
            problems.add("a folder as a string", shown(value), key=f"datasets.{key}")
    problems.raise_if_any()
    return table


def _not_found(about: About, split: str, searched: list[str]) -> str:
    """Return the message of a dataset that is not found."""
    lines = [f"{about.name}:{split} is not found", "searched:", *(f"  {line}" for line in searched)]
    lines += ["expected:", *(f"  {line}" for line in about.tree.splitlines())]
    lines += ["source:", f"  {about.source}"]
    return "\n".join([*lines, "name the dataset's folder with --root, CROWDEVAL_DATA or crowdeval.toml"])
