"""The end of the process where a predictor has left threads or child processes that do not end.

Python waits for all of them, after the report is printed, perhaps for ever. The usual end of a process, with the exit
functions of all packages, goes on as always; a thread beside it looks after some seconds whether it has stopped
there.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from crowdeval.cli.talk import warn
from crowdeval.errors import listed

GRACE = 2.0
"""Seconds that threads and child processes get to end by themselves."""

DECODING = "crowdeval-"
"""Begin of the names of the threads of this package, which end by themselves."""

_OTHERS: list[set[Any]] = []
"""The threads and child processes that were there before the first predictor; empty without a predictor."""


def watch_predictor() -> None:
    """Note that a predictor is created now: threads and child processes that begin later are its own.

    Examples
    --------
    >>> watch_predictor()
    >>> leftovers()
    ([], [])
    """
    if not _OTHERS:
        _OTHERS.append({*threading.enumerate(), *_children()})


def end_in_time(code: int) -> None:
    """Make sure that the process, which is about to end, ends soon, also where a predictor has left something running.

    Its child processes are ended after the grace. Threads can't be ended: the process ends without them.

    Parameters
    ----------
    code : int
        The exit code.

    Examples
    --------
    >>> end_in_time(0)  # nothing to do without a predictor
    """
    if _OTHERS and any(leftovers()):
        threading.Thread(target=_end_after_grace, args=(code,), name="crowdeval-leaving", daemon=True).start()


def leftovers() -> tuple[list[threading.Thread], list[Any]]:
    """Return the threads and the child processes of predictors for which Python waits at its end.

    Returns
    -------
    (list of threading.Thread, list of multiprocessing.Process)
    """
    others = _OTHERS[0] if _OTHERS else set()
    threads = [each for each in threading.enumerate() if each not in others and each is not threading.main_thread()]
    waited = [each for each in threads if not each.daemon and not each.name.startswith(DECODING)]
    return waited, [each for each in _children() if each not in others and not each.daemon]


def _children() -> list[Any]:
    """Return the child processes of multiprocessing that run."""
    module = sys.modules.get("multiprocessing.process")
    return [] if module is None else module.active_children()


def _end_after_grace(code: int) -> None:
    """End what is left after the grace; the process itself only where threads are left."""
    _wait_while(lambda: any(leftovers()), GRACE)
    threads, children = leftovers()
    if threads or children:  # said before a child is ended, because the process may end with it
        warn(f"the predictor left {_text(threads, children)} running; the process ends without waiting for them")
    for end in ("terminate", "kill"):
        for child in children:
            with suppress(OSError, ValueError):  # it has ended just now
                getattr(child, end)()
        _wait_while(lambda: any(child in _children() for child in children), GRACE / 4)
    # A thread may have waited for a child: it goes on now, and the usual end of the process with it.
    _wait_while(lambda: any(leftovers()[0]), GRACE / 4 if children else 0)
    if any(leftovers()[0]):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _wait_while(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while true() and time.monotonic() < end:
        time.sleep(0.02)


def _text(threads: Sequence[threading.Thread], children: Sequence[Any]) -> str:
    named = ((threads, "thread", "threads"), (children, "child process", "child processes"))
    counts = [(each, one if len(each) == 1 else more) for each, one, more in named if each]
    return " and ".join(f"{len(each)} {word} ({listed([one.name for one in each])})" for each, word in counts)
