"""Writing a file whole or not at all: a temporary file beside the target, renamed when it is complete."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

from crowdeval.errors import MissingFileError
from crowdeval.formats.source import STANDARD_STREAM


def write_file(target: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to a file, or to standard output for ``"-"``; a name that ends in .gz is gzipped.

    Raises
    ------
    MissingFileError
        If the folder does not exist, or the file can't be written; what was there before stays.
    """
    if target == STANDARD_STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    content = gzip.compress(data, mtime=0) if path.name.lower().endswith(".gz") else data
    try:
        _place(Path(os.path.realpath(path)), content)
    except FileNotFoundError:
        raise MissingFileError(f"{path} can't be written: there is no folder {path.parent}") from None
    except IsADirectoryError:
        raise MissingFileError(f"{path} can't be written: it is a folder") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise MissingFileError(f"{os.fspath(target)!r} can't be written: {reason}") from None


def _place(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
        with path.open("wb") as stream:
            stream.write(content)
        return
    draft = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        with draft.open("wb") as stream:
            stream.write(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
