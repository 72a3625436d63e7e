"""What stands around a predictor at work: open and close, its output aside, a time limit, one process a run."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from crowdeval.adapters import Predictor, named
from crowdeval.errors import CrowdevalError, CrowdevalWarning, MissingFileError, PredictorError
from crowdeval.run_folder import RunFolder


@contextmanager
def opened(predictor: Predictor, timeout: float | None = None) -> Iterator[None]:
    """Open a predictor that wants to be, and close it whatever happens."""
    who = named(predictor)
    try:
        with output_aside(), limited(timeout, f"{who}, opening"):
            getattr(predictor, "open", lambda: None)()
    except CrowdevalError:
        raise
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"{who} can't be opened: {type(problem).__name__}: {problem}") from problem
    try:
        yield
    finally:
        try:
            with output_aside(), limited(timeout, f"{who}, closing"):
                getattr(predictor, "close", lambda: None)()
        except (Exception, SystemExit) as problem:  # what was predicted is kept whatever happens now
            warnings.warn(f"{who} can't be closed: {type(problem).__name__}: {problem}", CrowdevalWarning, stacklevel=3)


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


class _Late(BaseException):
    """Time is up; not an Exception, so that a predictor that catches those does not catch this."""


@contextmanager
def limited(seconds: float | None, what: str) -> Iterator[None]:
    """Raise PredictorError in the main thread after some seconds, and again each second where that is not heard.

    A call that never comes back to Python can't be ended so; a program behind the adapter ``command`` can.
    """
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    except _Late:
        raise PredictorError(f"{what}: no answer within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """Hold the run's lock; it goes with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows has no fcntl; there two processes would do the same work twice
        yield
        return
    with _lock_file(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise MissingFileError(f"another process is at work on {folder.path}") from None
        yield


def _lock_file(folder: RunFolder) -> TextIO:
    try:
        return (folder.path / ".lock").open("w")
    except OSError as problem:
        raise MissingFileError(f"{folder.path} can't be written: {problem.strerror}") from None
