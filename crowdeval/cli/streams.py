"""Standard streams that are closed or full, or whose encoding lacks a character."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO


def repair_streams() -> None:
    """Replace closed standard streams, and make standard output write ``\\x..`` for a character it can't encode.

    Python sets a closed stream to None, and the next file that is opened gets the free descriptor 0, 1 or 2. This
    function fills the free descriptors first:

    - standard input stays None, so that reading it is an error;
    - writing to standard output is still an error;
    - standard error ignores all text.
    """
    # os.open returns the lowest free descriptor: 0 for standard input, then 1, then 2. The access mode is the
    # opposite of the stream's own for 0 and 1, so that each use fails.
    if sys.stdin is None:
        os.open(os.devnull, os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115 - open as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.open(os.devnull, os.O_WRONLY), "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def ignore_write_errors() -> Iterator[None]:
    """Ignore an OSError of the block, and all later text of standard error, where standard error can't be written.

    Examples
    --------
    >>> import sys
    >>> with ignore_write_errors():
    ...     _ = sys.stderr.write("")
    """
    try:
        yield
    except OSError:
        discard(sys.stderr)


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Redirect standard output to standard error while a predictor runs.

    Standard output is for results only. Text of a predictor is redirected whether Python code or a compiled library
    prints it.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def discard(stream: TextIO) -> None:
    """Connect a stream to the null device, so that Python does not fail on its buffer at exit.

    Parameters
    ----------
    stream : text stream
        Standard output or standard error, after a write failed.
    """
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
