"""The user's cache of splits: what was read once is read again from one Parquet file.

The cache folder is the platform's (``~/.cache/crowdeval``) or the one that the environment variable CROWDEVAL_CACHE
names. A dataset, a split and a root have one entry of two files: the split as Parquet, and a manifest with

- a digest of the names, sizes and times of all files that the split was read from;
- the checksum of the Parquet file.

An entry that does not agree with its files is ignored, and the split that is read instead replaces it. Each of the two
files is written under another name and then renamed. Two processes may still mix their files; the checksum shows
whether a Parquet file belongs to its manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from crowdeval.datasets.contract import Split, Survey
from crowdeval.datasets.split_table import split_of_table, table_of_split
from crowdeval.writing import WriteError, make_folder, write_file

ENVIRONMENT = "CROWDEVAL_CACHE"
"""Environment variable that names the cache folder."""

REVISION = 3
"""Number that grows when a reader returns another split for the same files; older entries are then ignored."""


def cached_split(name: str, survey: Survey) -> Split | None:
    """Return a split from the cache.

    Parameters
    ----------
    name : str
        The dataset's name.
    survey : Survey
        The files of the split as they are on the disk now.

    Returns
    -------
    Split or None
        None where the cache has no entry for exactly these files.

    Examples
    --------
    >>> nowhere = Survey(home=Path("no", "such", "folder"), split="test")
    >>> cached_split("shanghaitech-a", nowhere) is None
    True
    """
    manifest_file, table_file = _entry_files(name, survey)
    try:
        manifest = json.loads(manifest_file.read_bytes())
        if not isinstance(manifest, dict) or manifest.get("files") != files_digest(name, survey):
            return None
        table = table_file.read_bytes()
        if hashlib.sha256(table).hexdigest() != manifest.get("sha256"):
            return None
        return split_of_table(table, name=name, split=survey.split, home=survey.home)
    except (OSError, ValueError):
        return None


def store_split(split: Split, survey: Survey, digest: str) -> None:
    """Put a split into the cache; a split that can't be stored is read from its files again the next time.

    Parameters
    ----------
    split : Split
        The split.
    survey : Survey
        The files that it was read from.
    digest : str
        ``files_digest`` of the survey, taken before the files were read.
    """
    manifest_file, table_file = _entry_files(split.name, survey)
    table = table_of_split(split)
    if table is None:
        return
    manifest = {
        "dataset": split.name,
        "split": split.split,
        "root": os.fspath(survey.home),
        "files": digest,
        "sha256": hashlib.sha256(table).hexdigest(),
    }
    try:
        make_folder(table_file.parent)
        write_file(table_file, table)
        write_file(manifest_file, json.dumps(manifest, indent=1).encode())
    except WriteError:
        return


def files_digest(name: str, survey: Survey) -> str:
    """Return a digest of the names, sizes and times of a split's files.

    Parameters
    ----------
    name : str
        The dataset's name.
    survey : Survey
        The files of the split.

    Returns
    -------
    str
        SHA-256 in hexadecimal. It does not depend on the content of the files, which are not opened.

    Examples
    --------
    >>> survey = Survey(home=Path("no", "such", "folder"), split="test")
    >>> files_digest("nwpu", survey) == files_digest("nwpu", survey), len(files_digest("nwpu", survey))
    (True, 64)
    """
    digest = hashlib.sha256(f"{REVISION} {name} {survey.split}\n".encode(errors="surrogateescape"))
    home = os.fspath(survey.home)
    for file in survey.files:
        path = os.fspath(file)
        try:
            status = os.stat(path)
            # The inode's change time (st_ctime_ns) changes with the content even where a program then restores the
            # size and the modification time of the file.
            state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        except OSError:
            state = "absent"
        digest.update(os.fsencode(path.removeprefix(home)) + f"\0{state}\n".encode())
    digest.update("\n".join((*survey.problems, *map(str, (survey.image_folder,)))).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _cache_folder() -> Path:
    """Return the folder of the cache, which need not exist."""
    folder = os.environ.get(ENVIRONMENT)
    if folder:
        return Path(os.path.expanduser(folder))
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("crowdeval"))


def _entry_files(name: str, survey: Survey) -> tuple[Path, Path]:
    """Return the manifest and the Parquet file of an entry, which need not exist."""
    home = os.path.realpath(survey.home)
    place = hashlib.sha256(os.fsencode(home) + b"\0" + os.fsencode(survey.split)).hexdigest()[:16]
    stem = f"{_file_name(name)}-{_file_name(survey.split)[-40:]}-{place}"
    folder = _cache_folder() / "datasets"
    return folder / f"{stem}.json", folder / f"{stem}.parquet"


def _file_name(name: str) -> str:
    """Return a name with a hyphen for every character that is not an ASCII letter or digit."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
