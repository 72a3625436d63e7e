"""The context of a run: open and close the predictor, limit its time, lock the folder for one process."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from crowdeval.adapters import Predictor, model_id
from crowdeval.errors import CrowdevalError, CrowdevalWarning, MissingFileError, PredictorError, UsageError
from crowdeval.runs.folder import RunFolder


@contextmanager
def open_predictor(predictor: Predictor, timeout: float | None = None) -> Iterator[None]:
    """Open a predictor for a ``with`` block, and close it in every case.

    An error in ``close`` is only a warning, because the predictions are already there.

    Parameters
    ----------
    predictor : Predictor
        The predictor; ``open`` and ``close`` are optional.
    timeout : float, optional
        Seconds that ``open`` and ``close`` may take, each.

    Raises
    ------
    PredictorError
        If ``open`` raises or takes too long.

    Examples
    --------
    >>> from crowdeval.adapters import load_adapter
    >>> with open_predictor(load_adapter("command", ["command=cat"])):
    ...     pass
    """
    model = model_id(predictor)
    try:
        with time_limit(timeout, f"{model}, open()"):
            getattr(predictor, "open", lambda: None)()
    except CrowdevalError:
        raise
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"{model} can't be opened: {type(problem).__name__}: {problem}") from problem
    try:
        yield
    finally:
        try:
            with time_limit(timeout, f"{model}, close()"):
                getattr(predictor, "close", lambda: None)()
        except (Exception, SystemExit) as problem:  # the predictions are there and are kept
            warnings.warn(
                f"{model} can't be closed: {type(problem).__name__}: {problem}", CrowdevalWarning, stacklevel=3
            )


class _TimeIsUp(BaseException):
    """The time limit is reached; not an Exception, so that a predictor with ``except Exception`` does not catch it."""


def require_timer() -> None:
    """Check that a time limit is possible here: the signal of the timer only reaches the main thread.

    Raises
    ------
    UsageError
        If the system has no timer, or the caller is not in the main thread.

    Examples
    --------
    >>> require_timer()
    """
    if not hasattr(signal, "setitimer"):
        raise UsageError("timeout: expected a system with a timer (signal.setitimer), found none; leave it out")
    if threading.current_thread() is not threading.main_thread():
        raise UsageError(
            "timeout: a time limit works only in the main thread, and this is another thread; "
            "leave it out, or run the predictor in its own process"
        )


@contextmanager
def time_limit(seconds: float | None, task: str) -> Iterator[None]:
    """Limit the time of a ``with`` block in the main thread; ``require_timer`` checks that this is possible.

    After the limit an exception is raised inside the block, and again every second in case the block suppresses it. A
    call that never returns to Python can't be interrupted in this way; the adapter ``command`` can stop its program.
    The previous handler and timer of the signal are restored afterwards.

    Parameters
    ----------
    seconds : float or None
        The limit; None for no limit.
    task : str
        The work in the block, for the message.

    Raises
    ------
    PredictorError
        If the block takes longer.

    Examples
    --------
    >>> with time_limit(60.0, "image 'a'"):
    ...     pass
    """
    if seconds is None:
        yield
        return

    def interrupt(_number: int, _frame: Any) -> None:
        raise _TimeIsUp

    handler = signal.signal(signal.SIGALRM, interrupt)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    except _TimeIsUp:
        raise PredictorError(f"{task}: no answer within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


@contextmanager
def run_lock(folder: RunFolder) -> Iterator[None]:
    """Lock a run for this process during a ``with`` block; the system releases the lock when the process ends.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run; it has to exist.

    Raises
    ------
    MissingFileError
        If another process has locked the run, or the folder can't be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as path, run_lock(RunFolder(Path(path))):
    ...     pass
    """
    try:
        import fcntl
    except ImportError:  # Windows has no fcntl; two processes may do the same work there, twice
        yield
        return
    with _lock_file(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise MissingFileError(f"another process works on the run {folder.path}; wait until it has ended") from None
        yield


def _lock_file(folder: RunFolder) -> TextIO:
    try:
        return (folder.path / ".lock").open("w")
    except OSError as problem:
        raise MissingFileError(f"the folder {folder.path} can't be written: {problem.strerror}") from None
