"""Files that are whole or not there: written aside, flushed to the disk, then renamed."""

from __future__ import annotations

import os
from glob import escape
from pathlib import Path

from crowdeval.errors import CrowdevalError


class WriteError(CrowdevalError, OSError):
    """A file that could not be written; what was there before is as it was."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at any moment the old or the new one is there, whole.

    Raises
    ------
    WriteError
        If there is no space or no permission; the old file survives.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, path)
    except OSError as problem:
        reason = problem.strerror or problem
        raise WriteError(f"{path} could not be written: {reason}; what was there is as it was") from None
    finally:
        aside.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are not there; raise WriteError where that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise WriteError(f"{path} can't be a folder: {problem.strerror or problem}") from None


def clear_leftovers(path: Path) -> None:
    """Remove what processes that were killed had written aside of a file."""
    for aside in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        aside.unlink(missing_ok=True)
