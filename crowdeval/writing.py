"""Files written completely or not at all: a draft beside the target is renamed when it is complete.

A draft is a new file and never a link, so that nobody can redirect the writing with a file that they put there before.
Its name differs between processes and threads, so that several of them may write the same file at the same time: the
file of the last one stays, complete.
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
    """A file or a folder can't be written; the previous content is unchanged."""


def write_file(target: str | os.PathLike[str], data: bytes, *, durable: bool = False) -> None:
    """Write bytes to a file completely or not at all.

    Parameters
    ----------
    target : str or path
        The file; ``"-"`` is standard output. A name that ends in .gz is compressed with gzip. Where the name is a
        link, the file that it points to is replaced. A device or a pipe is written to and not replaced.
    data : bytes
        The content, uncompressed.
    durable : bool
        Whether to flush the content to the disk before the rename; a power cut then leaves the old or the new file.

    Raises
    ------
    WriteError
        If the folder does not exist, or the file can't be written; the previous file is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(Path(folder, "points.csv"), b"image,x,y")
    ...     Path(folder, "points.csv").read_bytes()
    b'image,x,y'
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
    """Make a folder and its missing parents; an existing folder is left as it is.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    WriteError
        If the folder can't be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     make_folder(Path(folder, "runs", "today"))
    ...     Path(folder, "runs", "today").is_dir()
    True
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as problem:
        raise WriteError(f"the folder {path} can't be made: {_reason(problem)}") from None


def require_folder(target: str | os.PathLike[str]) -> None:
    """Check that the folder of a file exists, before the work whose result is written there.

    Parameters
    ----------
    target : str or path
        The file; ``"-"`` is standard output and always passes.

    Raises
    ------
    WriteError
        If there is no such folder.

    Examples
    --------
    >>> require_folder("report.json")
    >>> require_folder("-")
    """
    if target != STANDARD_STREAM and not Path(target).parent.is_dir():
        raise WriteError(f"{os.fspath(target)} can't be written: there is no folder {Path(target).parent}")


def clear_drafts(path: Path) -> None:
    """Remove the drafts of a file that killed processes have left.

    Parameters
    ----------
    path : Path
        The file, not its drafts.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, ".state.pt.123-4-5.part").write_bytes(b"half")
    ...     clear_drafts(Path(folder, "state.pt"))
    ...     list(Path(folder).iterdir())
    []
    """
    for draft in path.parent.glob(f".{escape(path.name[:100])}.*.part"):
        draft.unlink(missing_ok=True)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Raise every error of the system as a WriteError that names the file."""
    try:
        yield
    except CrowdevalError:
        raise
    except FileNotFoundError:
        raise WriteError(f"{path} can't be written: there is no folder {path.parent}") from None
    except IsADirectoryError:
        raise WriteError(f"{path} can't be written: it is a folder") from None
    except (OSError, ValueError) as problem:
        kept = "; the previous file is unchanged" if os.path.isfile(path) else ""
        raise WriteError(f"{path} can't be written: {_reason(problem)}{kept}") from None


def _replace(path: Path, content: bytes, *, durable: bool) -> None:
    """Write a draft and rename it to the path; write to a device or a pipe directly."""
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            stream.write(content)
        return
    # Process, thread and random characters: two writers never share a draft, and nobody can predict its name.
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
