"""The context of a run: call, open and close the predictor within limits, lock the folder for one process."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

from crowdeval.adapters import Predictor, model_id
from crowdeval.adapters.contract import own_failure
from crowdeval.errors import CrowdevalError, CrowdevalWarning, MissingFileError, PredictorError, UsageError
from crowdeval.runs.folder import RunFolder
from crowdeval.runs.own_signals import OwnSignals
from crowdeval.runs.watchdog import WATCHDOG, TimeIsUp

T = TypeVar("T")


class Guard:
    """The context of the calls of a predictor in a run: whatever it does there ends the call, not the run.

    An exception of any type, a signal to itself and a call that takes too long are a PredictorError. Only a
    KeyboardInterrupt goes on, which may be that of the user. In another thread than the main one, signals are not
    looked at. A call that never returns to Python can't be interrupted; the adapter ``command`` can stop its program.

    Parameters
    ----------
    timeout : float, optional
        Longest time of a call in seconds; ``require_timer`` checks that this is possible.

    Examples
    --------
    >>> with Guard(timeout=60.0) as guard:
    ...     try:
    ...         guard.call(lambda: [1 / 0], "model@1, image 'a'")
    ...     except PredictorError as problem:
    ...         print(str(problem).partition(" (")[0])
    model@1, image 'a': ZeroDivisionError: division by zero
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self._signals: OwnSignals | None = None
        self._ended = True
        self._outer: float | None = None
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "pthread_sigmask"):
            self._signals = OwnSignals({} if timeout is None else {signal.SIGURG: WATCHDOG.interrupt})

    def __enter__(self) -> Guard:
        self._outer = WATCHDOG.deadline
        if self._signals is not None:
            self._signals.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._signals is not None:
            self._signals.__exit__(*error)
        WATCHDOG.stop(self._outer)  # the end of a call may have been interrupted at each of its levels

    def call(self, work: Callable[[], T], place: str, *, failed: str = "") -> T:
        """Call a function that calls the predictor.

        Parameters
        ----------
        work : callable without parameters
            The function.
        place : str
            Words for the predictor and its work, with which the error of the time limit begins.
        failed : str
            Words with which other errors begin; by default ``place``.

        Returns
        -------
        object
            What ``work`` returns.

        Raises
        ------
        PredictorError
            If ``work`` raises an exception that is not one of this package, or takes too long.
        """
        folder, process = os.getcwd(), os.getpid()
        try:
            return self._call(work)
        except TimeIsUp:
            raise PredictorError(f"{place}: no answer within {self.timeout:g} s") from None
        except CrowdevalError:
            raise
        except KeyboardInterrupt as problem:
            if self._signals is None or self._signals.interrupted or os.getpid() != process:
                raise
            raise own_failure(failed or place, problem) from problem  # nobody has pressed Ctrl-C
        except BaseException as problem:
            if os.getpid() != process and isinstance(problem, SystemExit):
                os._exit(problem.code if isinstance(problem.code, int) else int(problem.code is not None))
            raise own_failure(failed or place, problem) from problem
        finally:
            if os.getpid() != process:  # a fork of the predictor that came back: the run is its parent's
                os._exit(0)
            if os.getcwd() != folder:
                os.chdir(folder)

    def _call(self, work: Callable[[], T]) -> T:
        self._ended = False
        # An alarm of the predictor, or the time limit, can interrupt even the first step of the end of a call: it is
        # tried again one level further out. Signals are blocked from its second step on.
        try:
            try:
                try:
                    if self.timeout is not None:
                        WATCHDOG.stop(self._outer)  # the deadline of a call whose end was interrupted
                        WATCHDOG.start(self.timeout)
                    if self._signals is not None:
                        self._signals.enter()
                    return work()
                finally:
                    self._end()
            finally:
                self._end()
        finally:
            self._end()

    def _end(self) -> None:
        """End a call of the predictor, unless that has been done."""
        while not self._ended:
            try:
                WATCHDOG.stop(self._outer)
                if self._signals is not None:
                    self._signals.leave()
                self._ended = True
            except (Exception, TimeIsUp):
                continue


@contextmanager
def open_predictor(predictor: Predictor, guard: Guard) -> Iterator[None]:
    """Open a predictor for a ``with`` block, and close it in every case.

    An error in ``close`` is only a warning, because the predictions are already there.

    Parameters
    ----------
    predictor : Predictor
        The predictor; ``open`` and ``close`` are optional.
    guard : Guard
        The context in which both are called.

    Raises
    ------
    PredictorError
        If ``open`` raises or takes too long.

    Examples
    --------
    >>> from crowdeval.adapters import load_adapter
    >>> with Guard() as guard, open_predictor(load_adapter("command", ["command=cat"]), guard):
    ...     pass
    """
    model = model_id(predictor)
    guard.call(getattr(predictor, "open", lambda: None), f"{model}, open()", failed=f"{model} can't be opened")
    try:
        yield
    finally:
        problem = _close_problem(predictor, guard)
        if problem:
            warnings.warn(problem, CrowdevalWarning, stacklevel=3)


def _close_problem(predictor: Predictor, guard: Guard) -> str:
    """Close a predictor, and return the message of an error; "" where there is none."""
    failed = f"{model_id(predictor)} can't be closed"
    try:
        guard.call(getattr(predictor, "close", lambda: None), f"{failed}, close()", failed=failed)
    except CrowdevalError as problem:  # the predictions are there and are kept
        return str(problem) if str(problem).startswith(failed) else f"{failed}: {problem}"
    return ""


def require_timer() -> None:
    """Check that a time limit is possible here: its signal only reaches the main thread.

    Raises
    ------
    UsageError
        If the system has no such signal, or the caller is not in the main thread.

    Examples
    --------
    >>> require_timer()
    """
    if not hasattr(signal, "pthread_kill"):
        raise UsageError("timeout: expected a system with signals of threads, found none; leave it out")
    if threading.current_thread() is not threading.main_thread():
        raise UsageError(
            "timeout: a time limit works only in the main thread, and this is another thread; "
            "leave it out, or run the predictor in its own process"
        )


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
