"""A program that answers line by line: it starts in its own process group and is stopped with its children.

Its standard error is passed through. Its standard output holds its answers.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from crowdeval.errors import MissingFileError, PredictorError

LONGEST = 256 * 2**20
"""Largest number of bytes of an answer."""

GRACE = 2.0
"""Seconds that a program gets to end after each request to do so."""

STDOUT_RULE = "; write one line of JSON for each image to standard output, and everything else to standard error"
"""The mend, for messages about a line that is not an answer."""


class ProgramFailed(PredictorError):
    """The program ended or did not answer in time; another start may help."""


class LineProgram:
    """A running program.

    Parameters
    ----------
    words : sequence of str
        The program and its arguments.

    Raises
    ------
    MissingFileError
        If the program does not exist.
    PredictorError
        If the program can't be started.
    """

    def __init__(self, words: Sequence[str]) -> None:
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        except FileNotFoundError:
            raise MissingFileError(f"there is no program {words[0]!r}") from None
        except OSError as problem:
            raise PredictorError(f"the program {words[0]!r} can't be started: {problem.strerror}") from None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._queue_lines, daemon=True)
        self._reader.start()

    def reply(self, request: bytes, timeout: float) -> bytes:
        """Send a request and return the next line of the program.

        Parameters
        ----------
        request : bytes
            One line, without its end.
        timeout : float
            Seconds until the answer has to be there.

        Returns
        -------
        bytes
            The line, with its end.

        Raises
        ------
        ProgramFailed
            If the program ends, or writes no line within ``timeout`` seconds.
        PredictorError
            If the program wrote a line before the request.
        """
        if not self._lines.empty():
            early = self._lines.get()
            if early:
                raise PredictorError(f"wrote {quote_line(early)} to standard output before a request{STDOUT_RULE}")
            raise ProgramFailed(self._ending())
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.write(request + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise ProgramFailed(self._ending()) from None
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise ProgramFailed(f"gave no answer within {timeout:g} s (does it flush its output?)") from None
        if not line:
            raise ProgramFailed(self._ending())
        return line

    def stop(self, *, graceful: bool = True) -> None:
        """End the program and its children.

        Parameters
        ----------
        graceful : bool
            Whether the program gets time to end by itself, after its standard input has ended.
        """
        assert self._process.stdin is not None, "it is a pipe"
        with suppress(OSError):
            self._process.stdin.close()
        if graceful:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self._signal_group(number):
                break
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._process.wait()
        self._reader.join(GRACE)
        if not self._reader.is_alive() and self._process.stdout is not None:
            self._process.stdout.close()

    def _signal_group(self, number: signal.Signals) -> bool:
        """Send a signal to the process group; return whether some of it still runs after ``GRACE`` seconds."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline:
            self._process.poll()  # collects the program itself, which would stay in the group as a zombie
            try:
                os.killpg(self._process.pid, 0)
            except (ProcessLookupError, PermissionError):
                return False
            time.sleep(0.01)
        return True

    def _queue_lines(self) -> None:
        """Queue the program's lines; an empty line stands for the end of its output."""
        assert self._process.stdout is not None, "it is a pipe"
        readline = self._process.stdout.readline
        with suppress(OSError, ValueError):
            for line in iter(lambda: readline(LONGEST), b""):
                self._lines.put(line)
        self._lines.put(b"")

    def _ending(self) -> str:
        """Return in words how the program ended."""
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return "closed its standard output and still runs"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def quote_line(line: bytes) -> str:
    """Return the beginning of a line in quotes, for a message.

    Parameters
    ----------
    line : bytes
        The line, with or without its end.

    Returns
    -------
    str
        At most 80 characters and the quotes.

    Examples
    --------
    >>> quote_line(b"Loading model\\n")
    "'Loading model'"
    """
    text = line[:200].decode("utf-8", "replace").rstrip("\r\n")
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
