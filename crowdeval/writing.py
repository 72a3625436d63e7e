"""A file written whole or not at all: a draft beside the target, renamed when it is complete.

A draft is opened exclusively and follows no link, so that nothing planted beside the target is written to. Its name
tells processes and threads apart, so that several may write the same file at once: the last rename wins, whole.
"""

from __future__ import annotations

import gzip
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from crowdeval.errors import CrowdevalError, MissingFileError
from crowdeval.options import STANDARD_STREAM

_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class WriteError(MissingFileError):
    """A file or folder that can't be written; what was there before is as it was."""


def write_file(target: str | os.PathLike[str], data: bytes, *, durable: bool = False) -> None:
    """Write ``data`` to a file, or to standard output for ``"-"``; a name that ends in .gz is gzipped.

    Parameters
    ----------
    target : str or path
        The file. A link is followed: the file it names is replaced. A device or a pipe is written to.
    data : bytes
        The content.
    durable : bool
        Whether the content is flushed to the disk before the rename, so that a power cut leaves the old or the new.

    Raises
    ------
    WriteError
        If the folder does not exist, or the file can't be written; what was there before stays.
    """
    if target == STANDARD_STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    content = gzip.compress(data, mtime=0) if path.name.lower().endswith(".gz") else data
    with _write_errors(path):
        _replace(Path(os.path.realpath(path)), content, durable=durable)


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are absent; raise WriteError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as problem:
        raise WriteError(f"the folder {path} can't be made: {_reason(problem)}") from None


def require_folder(target: str | os.PathLike[str]) -> None:
    """Raise WriteError where a file's folder is not there: before the work, not after it."""
    if target != STANDARD_STREAM and not Path(target).parent.is_dir():
        raise WriteError(f"{os.fspath(target)} can't be written: there is no folder {Path(target).parent}")


def clear_drafts(path: Path) -> None:
    """Remove the drafts of a file that killed processes have left behind."""
    for draft in path.parent.glob(f".{escape(path.name[:100])}.*.part"):
        draft.unlink(missing_ok=True)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Turn what the system says into one WriteError that names the file."""
    try:
        yield
    except CrowdevalError:
        raise
    except FileNotFoundError:
        raise WriteError(f"{path} can't be written: there is no folder {path.parent}") from None
    except IsADirectoryError:
        raise WriteError(f"{path} can't be written: it is a folder") from None
    except (OSError, ValueError) as problem:
        kept = "; the file that was there is as it was" if os.path.isfile(path) else ""
        raise WriteError(f"{path} can't be written: {_reason(problem)}{kept}") from None


def _replace(path: Path, content: bytes, *, durable: bool) -> None:
    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
        with path.open("wb") as stream:
            stream.write(content)
        return
    # Process, thread and chance: two writers never share a draft, and nobody can plant one under its name.
    draft = path.with_name(f".{path.name[:100]}.{os.getpid()}-{threading.get_ident()}-{secrets.token_hex(4)}.part")
    descriptor = os.open(draft, _DRAFT, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _reason(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or str(problem)
