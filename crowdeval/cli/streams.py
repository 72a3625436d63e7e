"""The standard streams where they are closed, full, or can't spell a character."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO


def settle_streams() -> None:
    """Put something in the place of a closed stream, and spell out what a stream's encoding lacks.

    Python has None for a closed stream, and the next file that is opened would get its descriptor. A closed
    standard error takes everything; writing to a closed standard output is an error, as ever; standard input stays
    None.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115 - open as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.open(os.devnull, os.O_WRONLY), "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def best_effort() -> Iterator[None]:
    """Write to standard error; do without where it can't be written."""
    try:
        yield
    except OSError:
        discard(sys.stderr)


@contextmanager
def output_aside() -> Iterator[None]:
    """Send what a predictor prints, from Python or from a library, to standard error: standard output is data."""
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
    """Send what a stream still holds to nowhere; at its end Python would fail on it once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
