"""What stands around a predictor at work: open and close, a time limit, one process a run."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from crowdeval.adapters import Predictor, named
from crowdeval.errors import CrowdevalError, CrowdevalWarning, MissingFileError, PredictorError, UsageError
from crowdeval.runs.folder import RunFolder


@contextmanager
def opened(predictor: Predictor, timeout: float | None = None) -> Iterator[None]:
    """Open a predictor that wants to be, and close it whatever happens."""
    who = named(predictor)
    try:
        with limited(timeout, f"{who}, opening"):
            getattr(predictor, "open", lambda: None)()
    except CrowdevalError:
        raise
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"{who} can't be opened: {type(problem).__name__}: {problem}") from problem
    try:
        yield
    finally:
        try:
            with limited(timeout, f"{who}, closing"):
                getattr(predictor, "close", lambda: None)()
        except (Exception, SystemExit) as problem:  # what was predicted is kept whatever happens now
            warnings.warn(f"{who} can't be closed: {type(problem).__name__}: {problem}", CrowdevalWarning, stacklevel=3)


class _Late(BaseException):
    """Time is up; not an Exception, so that a predictor that catches those does not catch this."""


def require_timer() -> None:
    """Raise UsageError where no time limit can be kept: the timer's signal only reaches the main thread."""
    if not hasattr(signal, "setitimer"):
        raise UsageError("timeout: this system has no timer for it; leave it out")
    if threading.current_thread() is not threading.main_thread():
        raise UsageError(
            "timeout: a time limit can only be kept in the main thread, and this is another one; "
            "leave it out, or run in a process of its own"
        )


@contextmanager
def limited(seconds: float | None, what: str) -> Iterator[None]:
    """Raise PredictorError in the main thread after some seconds, and again each second where that is not heard.

    A call that never comes back to Python can't be ended so; a program behind the adapter ``command`` can. The handler
    and timer that were set before are set again afterwards. ``require_timer`` says where this works.
    """
    if seconds is None:
        yield
        return

    def ring(_number: int, _frame: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    except _Late:
        raise PredictorError(f"{what}: no answer within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


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
