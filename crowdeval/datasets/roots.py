"""Where a dataset lies: ``--root``, the environment variable CROWDEVAL_DATA, or the nearest crowdeval.toml.

Each may name the dataset's own folder or a folder some levels above it. The file has a table::

    [datasets]
    root = "/data/crowds"                       # searched for every dataset
    shanghaitech-a = "/data/SHT/part_A_final"   # this one only; relative paths start at the file
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
SETTINGS = "crowdeval.toml"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to search, or None, and where its name came from."""

    folder: Path | None
    origin: str


def home_of(dataset: Dataset, split: str, root: str | os.PathLike[str] | None) -> Path:
    """Return the dataset's own folder.

    Raises
    ------
    MissingFileError
        If it is in none of the places; says what was expected, where it was sought and how one obtains it.
    """
    searched = []
    for place in places(dataset.about, root):
        home = _home_in(dataset, split, place.folder) if place.folder is not None else None
        if home is not None:
            return home
        lack = "" if place.folder is None else f" {place.folder}: {_lack(place.folder, dataset.about)}"
        searched.append(place.origin + lack)
    raise MissingFileError(_not_found(dataset.about, split, searched))


def places(about: About, root: str | os.PathLike[str] | None) -> Iterator[Place]:
    """Yield the places where a dataset is sought, in order; a given root is the only one."""
    if root is not None:
        yield Place(Path(os.path.expanduser(root)), "root")
        return
    if about.paths:
        yield Place(Path(), "the current folder")
    named = os.environ.get(ENVIRONMENT)
    yield Place(Path(os.path.expanduser(named)), ENVIRONMENT) if named else Place(None, f"{ENVIRONMENT} is not set")
    file = _settings_file()
    if file is None:
        yield Place(None, f"there is no {SETTINGS} in the current folder or above")
        return
    settings = _settings(file)
    for key in (about.name, "root"):
        if key in settings:
            yield Place(file.parent / os.path.expanduser(settings[key]), f"{file} ({key})")
    if not settings.keys() & {about.name, "root"}:
        yield Place(None, f"{file} has neither [datasets] root nor {about.name}")


def _home_in(dataset: Dataset, split: str, folder: Path) -> Path | None:
    for candidate in folders_near(folder, dataset.about.folders):
        home = dataset.home(candidate, split)
        if home is not None:
            return home
    return None


def _lack(folder: Path, about: About) -> str:
    """Return why a dataset was not found in a folder."""
    for candidate in folders_near(folder, about.folders):
        try:
            os.scandir(candidate).close()
        except PermissionError:
            return "permission denied" if candidate == folder else f"permission denied for {candidate}"
        except (OSError, ValueError):
            return "no such folder"
    return "it is not in there"


def _settings_file() -> Path | None:
    here = Path.cwd()
    return next((folder / SETTINGS for folder in (here, *here.parents) if (folder / SETTINGS).is_file()), None)


def _settings(file: Path) -> dict[str, str]:
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
            problems.add("a folder, as a string", shown(value), key=f"datasets.{key}")
    problems.raise_if_any()
    return table


def _not_found(about: About, split: str, searched: list[str]) -> str:
    lines = [f"{about.name}:{split} is not found", "sought in", *(f"  {line}" for line in searched)]
    lines += ["expected", *(f"  {line}" for line in about.tree.splitlines())]
    return "\n".join(
        [*lines, "obtained from", f"  {about.source}", "and named with --root, CROWDEVAL_DATA or crowdeval.toml"]
    )
