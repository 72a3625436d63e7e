"""Text on standard error: warnings and errors as lines, and progress bars for long steps."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from crowdeval.cli.streams import ignore_write_errors
from crowdeval.errors import CrowdevalWarning

PATIENCE = 1.0
"""Seconds before the progress bar appears."""


def say(text: str) -> None:
    """Print a line on standard error; ignore it where standard error can't be written.

    Parameters
    ----------
    text : str
        The line, without a line break at its end.

    Examples
    --------
    >>> say("wrote report.json")  # on standard error, which a doctest does not compare
    """
    with ignore_write_errors():
        click.echo(text, err=True)


def complain(problem: object) -> None:
    """Print an error on standard error.

    Parameters
    ----------
    problem : object
        An exception or a text; its ``str`` is printed after ``error:``.

    Examples
    --------
    >>> complain("there is no file preds.json")  # on standard error
    """
    say(f"{click.style('error:', fg='red', bold=True)} {problem}")


def warn(text: str) -> None:
    """Print a warning on standard error.

    Parameters
    ----------
    text : str
        The text, printed after ``warning:``.

    Examples
    --------
    >>> warn("3 points lie outside their image")  # on standard error
    """
    say(f"{click.style('warning:', fg='yellow')} {text}")


@contextmanager
def print_warnings(*, quiet: bool = False) -> Iterator[None]:
    """Print the warnings of the block on standard error, at its end.

    Equal warnings of this package are printed once, as a line. Warnings of other packages, such as those of a
    predictor, are printed in Python's own form.

    Parameters
    ----------
    quiet : bool
        Do not print the warnings of this package.

    Examples
    --------
    >>> with print_warnings(quiet=True):
    ...     warnings.warn("2 points lie outside their image", CrowdevalWarning)
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CrowdevalWarning)
        try:
            yield
        finally:
            texts = [str(w.message) for w in caught if issubclass(w.category, CrowdevalWarning)]
            others = [w for w in caught if not issubclass(w.category, CrowdevalWarning)]
            for text in [] if quiet else dict.fromkeys(texts):
                warn(text)
            for other in others:
                say(warnings.formatwarning(other.message, other.category, other.filename, other.lineno).rstrip())


@contextmanager
def stage_progress(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Provide a function that sets the name of the current stage, which a progress bar shows.

    The bar appears on standard error after one second, and only on a terminal.

    Parameters
    ----------
    quiet : bool
        Show no bar.

    Yields
    ------
    callable
        A function of the stage, such as ``"reading preds.json"``.

    Examples
    --------
    >>> with stage_progress(quiet=True) as stage:
    ...     stage("reading preds.json")
    """
    if quiet or not sys.stderr.isatty():
        yield lambda stage: None
        return
    bar = _Bar()
    timer = threading.Timer(PATIENCE, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.stage
    finally:
        timer.cancel()
        bar.hide()


@contextmanager
def image_progress(title: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Provide a function that sets the number of processed images, which a progress bar shows.

    The bar has the images per second and the remaining time, on standard error, and only on a terminal.

    Parameters
    ----------
    title : str
        The text before the bar.
    quiet : bool
        Show no bar.

    Yields
    ------
    callable
        A function of the number of processed images and the number of all images, or None where it is unknown.

    Examples
    --------
    >>> with image_progress("yunet on nwpu:val", quiet=True) as step:
    ...     step(1, 500)
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn(), TextColumn("{task.fields[rate]}"))  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, rate="")

        def step(done: int, total: int | None) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.2f} images/s" if speed else "")

        yield step


class _Bar:
    """A progress bar that another thread shows after a delay; the lock guards all its fields."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = ""
        self._hidden = False
        self._progress: Any = None

    def stage(self, text: str) -> None:
        with self._lock:
            self._text = text
            if self._progress is not None:
                self._progress.update(0, description=text)

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._hidden:
                return
            columns = (BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.add_task(self._text, total=None)
            self._progress.start()

    def hide(self) -> None:
        with self._lock:
            self._hidden = True
            if self._progress is not None:
                self._progress.stop()


def warn_of(texts: Sequence[str]) -> None:
    """Print warnings on standard error.

    Parameters
    ----------
    texts : sequence of str
        The warnings.

    Examples
    --------
    >>> warn_of([])
    """
    for text in texts:
        warn(text)


def say_written(names: Sequence[str | None]) -> None:
    """Name the files that were written.

    Parameters
    ----------
    names : sequence of str or None
        Names of files; ``-`` and None are passed over.

    Examples
    --------
    >>> say_written([None, "-"])
    """
    for name in names:
        if name and name != "-":
            say(f"wrote {name}")
