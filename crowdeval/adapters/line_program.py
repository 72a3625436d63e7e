"""A program that is asked line by line: started in a process group of its own, waited for, and ended with its children.

What it writes on standard error is passed through; what it writes on standard output is its answers.
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
"""Bytes of an answer at most."""

GRACE = 2.0
"""Seconds that a program has to end by itself."""


class ProgramFailed(PredictorError):
    """The program died or did not answer in time; asking anew may help."""


class LineProgram:
    """A running program.

    Parameters
    ----------
    words : sequence of str
        The program and its arguments.

    Raises
    ------
    MissingFileError
        If there is no such program.
    PredictorError
        If it can't be started.
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
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, request: bytes, timeout: float) -> bytes:
        """Send a line and return the next line that comes.

        Raises
        ------
        ProgramFailed
            If the program ends, or says nothing for ``timeout`` seconds.
        PredictorError
            If it said something before it was asked.
        """
        if not self._lines.empty():
            early = self._lines.get()
            if early:
                raise PredictorError(f"wrote {quoted(early)} on standard output before it was asked{CHATTER}")
            raise ProgramFailed(self._end())
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.write(request + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise ProgramFailed(self._end()) from None
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise ProgramFailed(f"gave no answer within {timeout:g} s (does it flush its output?)") from None
        if not line:
            raise ProgramFailed(self._end())
        return line

    def stop(self, *, kindly: bool = True) -> None:
        """End the program and its children; ``kindly`` lets it end by itself when its input ends."""
        assert self._process.stdin is not None, "it is a pipe"
        with suppress(OSError):
            self._process.stdin.close()
        if kindly:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self._signalled(number):
                break
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._process.wait()
        self._reader.join(GRACE)
        if not self._reader.is_alive() and self._process.stdout is not None:
            self._process.stdout.close()

    def _signalled(self, number: signal.Signals) -> bool:
        """Send a signal to the process group; False where there is none left."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline:
            self._process.poll()
            try:
                os.killpg(self._process.pid, 0)
            except (ProcessLookupError, PermissionError):
                return False
            time.sleep(0.01)
        return True

    def _read(self) -> None:
        """Queue the program's lines; the empty line is its end."""
        assert self._process.stdout is not None, "it is a pipe"
        readline = self._process.stdout.readline
        with suppress(OSError, ValueError):
            for line in iter(lambda: readline(LONGEST), b""):
                self._lines.put(line)
        self._lines.put(b"")

    def _end(self) -> str:
        """Return how the program ended, in words."""
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return "closed its standard output and runs on"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


CHATTER = "; standard output is for answers, one line of JSON an image, anything else goes to standard error"


def quoted(line: bytes) -> str:
    """Return the beginning of a line in quotes.

    >>> quoted(b"Loading model\\n")
    "'Loading model'"
    """
    text = line[:200].decode("utf-8", "replace").rstrip("\r\n")
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
