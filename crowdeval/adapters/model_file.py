"""The revision of a predictor: the hash of the files it consists of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from crowdeval.errors import MissingFileError

DIGITS = 12
"""Hexadecimal digits of a revision."""


def revision_of(*files: Path, also: Iterable[str] = ()) -> str:
    """Return a revision that changes with the content of files.

    Parameters
    ----------
    *files : Path
        The files; their order counts.
    also : iterable of str
        Texts that enter the hash before the files, such as the words of a command.

    Returns
    -------
    str
        ``DIGITS`` hexadecimal digits.

    Raises
    ------
    MissingFileError
        If a file does not exist or can't be read.

    Examples
    --------
    >>> revision_of(also=["my_model", "--fast"])
    '653a448de8a0'
    """
    digest = hashlib.sha256()
    for text in also:
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    for file in files:
        digest.update(_file_digest(file))
    return digest.hexdigest()[:DIGITS]


def _file_digest(file: Path) -> bytes:
    """Return the SHA-256 of a file's bytes."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {file}") from None
    except OSError as problem:
        raise MissingFileError(f"{file} can't be read: {problem.strerror or problem}") from None
