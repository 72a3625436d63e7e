"""Splits that were read before, as Parquet beside a manifest in the user's cache folder.

The folder is the platform's (``~/.cache/crowdeval``), or CROWDEVAL_CACHE. An entry belongs to a dataset, a split
and a root; its manifest holds a digest of the names, sizes and times of all files it was read from, and the checksum
of the Parquet file. Whatever does not fit is read anew and replaced. Both files are written aside and renamed; where
two processes write at once, the checksum tells whether manifest and table belong together.
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

REVISION = 2
"""Rises when a reader returns something else for the same files."""


def cached(name: str, survey: Survey) -> Split | None:
    """Return the split that was read from these very files, or None."""
    manifest, table = _paths(name, survey)
    try:
        entry = json.loads(manifest.read_bytes())
        if not isinstance(entry, dict) or entry.get("files") != files_digest(name, survey):
            return None
        data = table.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
            return None
        return split_of_table(data, name=name, split=survey.split, home=survey.home)
    except (OSError, ValueError):
        return None


def keep(split: Split, survey: Survey, digest: str) -> None:
    """Put a split into the cache; one that can't be kept is simply read again the next time.

    ``digest`` is ``files_digest`` of the survey from before the files were read.
    """
    manifest, table = _paths(split.name, survey)
    data = table_of_split(split)
    if data is None:
        return
    entry = {
        "dataset": split.name,
        "split": split.split,
        "root": os.fspath(survey.home),
        "files": digest,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    try:
        make_folder(table.parent)
        write_file(table, data)
        write_file(manifest, json.dumps(entry, indent=1).encode())
    except WriteError:
        return


def files_digest(name: str, survey: Survey) -> str:
    """Return the digest of the names, sizes and times of a split's files."""
    digest = hashlib.sha256(f"{REVISION} {name} {survey.split}\n".encode(errors="surrogateescape"))
    home = os.fspath(survey.home)
    for file in survey.files:
        path = os.fspath(file)
        try:
            status = os.stat(path)
            # The time of the inode changes with the content, also where size and time are set back.
            state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        except OSError:
            state = "absent"
        digest.update(os.fsencode(path.removeprefix(home)) + f"\0{state}\n".encode())
    digest.update("\n".join((*survey.problems, *map(str, (survey.image_folder,)))).encode(errors="surrogateescape"))
    return digest.hexdigest()


def cache_folder() -> Path:
    """Return the folder of the cache; it need not exist."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(os.path.expanduser(named))
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("crowdeval"))


def _paths(name: str, survey: Survey) -> tuple[Path, Path]:
    where = hashlib.sha256(os.fsencode(_absolute(survey.home)) + b"\0" + os.fsencode(survey.split)).hexdigest()[:16]
    stem = f"{_harmless(name)}-{_harmless(survey.split)[-40:]}-{where}"
    folder = cache_folder() / "datasets"
    return folder / f"{stem}.json", folder / f"{stem}.parquet"


def _absolute(path: Path) -> str:
    return os.path.realpath(path)


def _harmless(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
