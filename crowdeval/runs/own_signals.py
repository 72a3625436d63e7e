"""Signals that a predictor sends to its own process, and handlers that it sets: they end its call, not the run.

A signal of somebody else (Ctrl-C, ``kill``) is not touched; it acts at once. The predictor's own signals are refused
where they are sent, by an audit hook, because a signal that has arrived does not say who has sent it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

TIMERS = {
    number: timer
    for number, timer in (
        (getattr(signal, "SIGALRM", None), getattr(signal, "ITIMER_REAL", None)),
        (getattr(signal, "SIGVTALRM", None), getattr(signal, "ITIMER_VIRTUAL", None)),
        (getattr(signal, "SIGPROF", None), getattr(signal, "ITIMER_PROF", None)),
    )
    if number is not None and timer is not None
}
"""Signal to the timer that sends it."""

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))
"""Signals by which a user ends a process."""

HARMLESS = tuple(
    getattr(signal, name) for name in ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH") if hasattr(signal, name)
)
"""Signals that do nothing by default."""


class SignalError(Exception):
    """A signal of the predictor itself, which would have ended the process."""


class OwnSignals:
    """The handlers of signals during a run in the main thread; used in a ``with`` statement.

    The predictor's handlers of timers act during its calls. Outside of them its alarms do nothing.

    Parameters
    ----------
    handlers : mapping of int to callable
        More handlers of signals for the run.

    Examples
    --------
    >>> with OwnSignals() as signals:
    ...     signals.enter()
    ...     try:
    ...         os.kill(os.getpid(), signal.SIGTERM)
    ...     except SignalError as problem:
    ...         print(problem)
    ...     signals.leave()
    SIGTERM to its own process, which would have ended the run
    """

    def __init__(self, handlers: Mapping[int, Callable[[int, Any], None]] = MappingProxyType({})) -> None:
        self.inside = False
        self._process, self._main = os.getpid(), threading.get_ident()
        self._threads = {thread.ident for thread in threading.enumerate()}
        self._before: dict[int, Any] = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._theirs: dict[int, Any] = {}
        self._noted = True  # whether ``_theirs`` is that of the last call
        alarms = {number: self._alarm for number in TIMERS if self._before[number] == signal.SIG_DFL}
        kept = {number: self._before[number] for number in (*TIMERS, *STOPPING)}
        # A handler that is None was not set by Python, and can't be set again by it.
        self.interrupted = False  # whether somebody has pressed Ctrl-C
        own = {**kept, **alarms, **handlers}
        if self._before[signal.SIGINT] is signal.default_int_handler:
            own[signal.SIGINT] = self._interrupt
        self._ours = {n: each for n, each in own.items() if self._before[n] is not None}
        self._raising = [*TIMERS, *handlers]
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._running = {timer: signal.getitimer(timer)[0] > 0 for timer in TIMERS.values()}

    def __enter__(self) -> OwnSignals:
        _hook_once()
        for number, handler in self._ours.items():
            signal.signal(number, handler)
        # No audit event tells of signal.raise_signal: the modules that have it get the function that checks.
        self._patched = [vars(module) for module in list(sys.modules.values()) if _names_original(module)]
        for names in self._patched:
            names["raise_signal"] = raise_signal
        _ACTIVE.append(self)
        return self

    def __exit__(self, *_error: object) -> None:
        _ACTIVE.remove(self)
        self.inside = False
        for timer, ran in self._running.items():
            if not ran:  # a timer of the caller goes on
                signal.setitimer(timer, 0)
        for number in self._ours:
            signal.signal(number, self._before[number])
        for names in self._patched:
            names["raise_signal"] = _ORIGINAL

    def enter(self) -> None:
        """Begin a call of the predictor."""
        for number, handler in self._theirs.items():
            signal.signal(number, handler)
        self.inside, self._noted = True, False

    def leave(self) -> None:
        """End a call of the predictor: keep its handlers of timers for the next call, and set ours again.

        Its alarms, and the time limit, may interrupt this before they are blocked; another call then does the rest.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, self._raising)
        self.inside = False
        found = {number: signal.getsignal(number) for number in self._ours}
        if not self._noted:
            theirs = {number: found[number] for number in TIMERS if number in found}
            self._theirs = {n: h for n, h in theirs.items() if h is not self._ours[n] and h != signal.SIG_DFL}
            self._noted = True
        for number, handler in found.items():
            if handler is not self._ours[number]:
                signal.signal(number, self._ours[number])
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def refuse(self, event: str, target: int, number: int) -> None:
        """Raise an error where a predictor is about to end this process by a signal.

        Parameters
        ----------
        event : str
            The function: os.kill, os.killpg, signal.pthread_kill or signal.raise_signal.
        target : int
            Its process, group or thread.
        number : int
            The signal; 0 is none, and only asks.

        Raises
        ------
        SignalError
            Not where the predictor has set a handler of its own.
        """
        if self._is_predictor() and self._reaches(event, target) and self._stops(number):
            raise SignalError(f"{_name(number)} to its own process, which would have ended the run")

    def _is_predictor(self) -> bool:
        """Return whether the predictor runs in this thread: a thread that is new since it was opened is its own."""
        thread = threading.get_ident()
        return self.inside if thread == self._main else thread not in self._threads

    def _reaches(self, event: str, target: int) -> bool:
        """Return whether a signal reaches the process of the run; the caller may be a fork of it."""
        if event.startswith("signal."):
            return os.getpid() == self._process
        group = os.getpgid(self._process)
        if event == "os.killpg":
            return target == group or (target == 0 and os.getpgrp() == group)
        return target in (self._process, -1, -group) or (target == 0 and os.getpgrp() == group)

    def _stops(self, number: int) -> bool:
        """Return whether a signal would end or stop the process, or the run."""
        if number not in self._before or number in HARMLESS:
            return False
        handler = signal.getsignal(number)
        unchanged = handler == self._ours.get(number, self._before[number]) and handler != signal.SIG_IGN
        return handler == signal.SIG_DFL or (number in STOPPING and unchanged)

    def _interrupt(self, number: int, frame: Any) -> None:
        """Raise KeyboardInterrupt; end the process where a predictor has swallowed that of the last Ctrl-C."""
        if self.interrupted or os.getpid() != self._process:
            signal.signal(number, signal.SIG_DFL)
            _ORIGINAL(number)
        self.interrupted = True
        signal.default_int_handler(number, frame)

    def _alarm(self, number: int, _frame: Any) -> None:
        """Raise SignalError during a call of the predictor; the handler of a timer for which it has set none."""
        if os.getpid() != self._process:  # a child of the predictor ends by its alarm, as without us
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif self.inside:
            raise SignalError(f"{_name(number)} without a handler, which would have ended the run")


def raise_signal(number: int) -> None:
    """Send a signal to this thread, as ``signal.raise_signal``; refused where a predictor would end its run.

    Parameters
    ----------
    number : int
        The signal.

    Raises
    ------
    SignalError
        As ``OwnSignals.refuse``.

    Examples
    --------
    >>> raise_signal(signal.SIGURG)
    """
    _audit("signal.raise_signal", (0, number))
    _ORIGINAL(number)


_ORIGINAL = signal.raise_signal

_SENDING = ("os.kill", "os.killpg", "signal.pthread_kill", "signal.raise_signal")

_ACTIVE: list[OwnSignals] = []
"""The runs in progress, one inside another."""

_HOOKED: list[bool] = []
"""Whether the audit hook is set; Python has no way to take it away."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _SENDING and _ACTIVE:
        _ACTIVE[-1].refuse(event, *arguments)


def _hook_once() -> None:
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_audit)


def _names_original(module: Any) -> bool:
    return getattr(module, "__dict__", {}).get("raise_signal") is _ORIGINAL


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
