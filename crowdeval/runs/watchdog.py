"""A time limit for blocks of the main thread, by a thread that sends it a signal.

The signal is SIGURG, which does nothing by default and which hardly any program uses: a predictor may use SIGALRM for
itself. Sleeps, locks and queues are interrupted, as by every signal. Main thread and watchdog share two numbers and
no lock, because an exception that the signal raises could leave a lock locked.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from typing import Any

AGAIN = 1.0
"""Seconds between two signals, where a block suppresses the exception of the first."""


class TimeIsUp(BaseException):
    """The time limit is reached; not an Exception, so that a predictor with ``except Exception`` does not catch it."""


class Watchdog:
    """The deadline of the block that runs, and the thread that sends the signal; one for the process.

    Attributes
    ----------
    deadline : float or None
        The time of ``time.monotonic`` by which the block has to end.

    Examples
    --------
    >>> before = signal.signal(signal.SIGURG, WATCHDOG.interrupt)
    >>> try:
    ...     WATCHDOG.start(0.01)
    ...     time.sleep(60)
    ... except TimeIsUp:
    ...     print("interrupted")
    ... finally:
    ...     WATCHDOG.stop()
    ...     _ = signal.signal(signal.SIGURG, before)
    interrupted
    """

    def __init__(self) -> None:
        self.deadline: float | None = None
        self._next_raise = math.inf
        self._asleep_until = -math.inf
        self._process = 0
        self._bell = threading.Lock()

    def start(self, seconds: float) -> None:
        """Begin a block of the main thread.

        Parameters
        ----------
        seconds : float
            Its longest time. A block inside another one ends with that one at the latest.
        """
        if self._process != os.getpid():  # the first block, or the first one after a fork, which copies no threads
            self._process, self.deadline = os.getpid(), None
            self._bell = threading.Lock()
            self._bell.acquire()
            threading.Thread(target=self._watch, args=(self._bell,), name="crowdeval-watchdog", daemon=True).start()
        outer, deadline = self.deadline, time.monotonic() + seconds
        self._next_raise = deadline if outer is None else min(outer, deadline)
        self.deadline = self._next_raise
        # The thread sleeps on from one block to the next, until the earliest deadline; it is hardly ever woken up.
        if self._asleep_until > self.deadline and self._bell.locked():
            self._bell.release()

    def stop(self, outer: float | None = None) -> None:
        """End a block; no exception is raised after this.

        Parameters
        ----------
        outer : float, optional
            The deadline of the block outside of it.
        """
        self._next_raise = math.inf if outer is None else outer
        self.deadline = outer

    def interrupt(self, _number: int, _frame: Any) -> None:
        """Raise TimeIsUp where the deadline has passed; the handler of the signal.

        Raises
        ------
        TimeIsUp
            Not for a signal that arrives late, when the block has ended, and not twice within ``AGAIN`` seconds, so
            that the end of a block is interrupted once at most.
        """
        now = time.monotonic()
        if self.deadline is not None and now >= self._next_raise:
            self._next_raise = now + AGAIN
            raise TimeIsUp

    def _watch(self, bell: threading.Lock) -> None:
        """Send the signal at each deadline, and again while its block goes on."""
        main, warned, due = threading.main_thread().ident, None, 0.0
        assert main is not None, "it runs"
        while True:
            # Written before the deadline is read: a deadline that is set in between sees it, and rings the bell.
            self._asleep_until = math.inf
            deadline = self.deadline
            if deadline is None:
                bell.acquire()
                continue
            due = due if deadline == warned else deadline
            now = time.monotonic()
            if now >= due:
                signal.pthread_kill(main, signal.SIGURG)
                warned, due = deadline, now + AGAIN
            self._asleep_until = due
            bell.acquire(timeout=min(due - now, threading.TIMEOUT_MAX) if due > now else 0)


WATCHDOG = Watchdog()
"""The watchdog of this process; its thread starts with the first block."""
