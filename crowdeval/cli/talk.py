"""What the command line says on standard error: warnings as lines, progress where something takes a while."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from crowdeval.cli.streams import best_effort
from crowdeval.errors import CrowdevalWarning

PATIENCE = 1.0
"""Seconds before progress is shown."""


def say(text: str) -> None:
    """Print a line on standard error; a result never depends on whether that can be written."""
    with best_effort():
        click.echo(text, err=True)


def complain(text: object) -> None:
    """Print an error on standard error."""
    say(f"{click.style('error:', fg='red', bold=True)} {text}")


def warn(text: str) -> None:
    """Print a warning on standard error."""
    say(f"{click.style('warning:', fg='yellow')} {text}")


@contextmanager
def spoken_warnings(*, quiet: bool = False) -> Iterator[None]:
    """Turn this package's warnings into lines on standard error, each once; nothing when ``quiet``.

    Warnings of other packages, such as a predictor's own, are given as Python gives them.
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
            for each in others:
                say(warnings.formatwarning(each.message, each.category, each.filename, each.lineno).rstrip())


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Give a function that names the stage; after a second a bar shows it, if standard error is a terminal."""
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
def counted(title: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Give a function that takes images done and in all; a bar shows them, the rate and the time left."""
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
