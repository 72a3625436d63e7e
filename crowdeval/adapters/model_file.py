"""The file that a predictor is made of: there or not, and its revision, the hash of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from crowdeval.errors import MissingFileError

DIGITS = 12
"""Hexadecimal digits of a revision."""


def revision_of(*files: Path, also: Iterable[str] = ()) -> str:
    """Return the revision that files, and texts beside them, add up to.

    Raises
    ------
    MissingFileError
        If a file is not there or can't be read.
    """
    digest = hashlib.sha256()
    for text in also:
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    for file in files:
        digest.update(file_digest(file))
    return digest.hexdigest()[:DIGITS]


def file_digest(file: Path) -> bytes:
    """Return the SHA-256 of a file's bytes."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {file}") from None
    except OSError as problem:
        raise MissingFileError(f"{file} can't be read: {problem.strerror or problem}") from None
