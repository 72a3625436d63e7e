"""What a training says while it runs: a bar on a terminal, a line for each validation, TensorBoard on request."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from baselines.p2pnet.packages import package
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import outside_of
from baselines.p2pnet.training import Trainer

SHOWN = ("nAP", "nAP@0.05", "nAP@0.25", "nAP@0.5", "MAE", "RMSE", "F1@4px", "F1@8px")


class Talk:
    """Says entries of the log; a context, called with each entry."""

    def __init__(self, folder: RunFolder, *, quiet: bool, tensorboard: bool):
        self.folder, self.quiet = folder, quiet
        self._unmatched = 0
        self._board = _board(folder) if tensorboard else None
        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns,
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
        )

    def __enter__(self) -> Talk:
        self._progress.start()
        self._task = self._progress.add_task("", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if self._board is not None:
            self._board.close()

    def begin(self, trainer: Trainer) -> None:
        """Say what will be done."""
        self._progress.update(self._task, total=trainer.steps, completed=trainer.step)
        words = (
            f"{len(trainer.train)} images of {trainer.train.source}, checkpoint chosen on {trainer.validation.source}"
        )
        self._say(f"{words}; {trainer.device}, {trainer.steps} steps; {_start(trainer)}")
        outside = sum(outside_of(sample) for sample in trainer.train) if trainer.among.first else 0
        if outside:
            self._say(f"{outside} true points lie outside their images and are not learned")

    def end(self, trainer: Trainer) -> None:
        """Say where the checkpoint is, and what chose it."""
        select = trainer.config.select
        value, step = short(trainer.best[select]), trainer.best["step"]
        self._say(f"{trainer.folder.best}: step {step}, chosen by {select} {value}")

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Say an entry."""
        for name, value in (entry.get("validation") or entry).items():
            if self._board is not None and name not in ("step", "best") and value is not None:
                self._board.add_scalar(
                    f"{'validation' if 'validation' in entry else 'training'}/{name}", value, entry["step"]
                )
        if "validation" in entry:
            values = "  ".join(f"{name} {short(entry['validation'][name])}" for name in SHOWN)
            self._say(f"step {entry['step']}  {values}{'  (best)' if entry['best'] else ''}")
            if self._unmatched:
                self._say(f"{self._unmatched} heads of the steps before were more than a crop's proposals, not learned")
            self._unmatched = 0
        else:
            self._progress.update(self._task, completed=entry["step"], description=f"loss {entry['loss']:.4f}")
            self._unmatched += entry.get("unmatched", 0)

    def _say(self, line: str) -> None:
        if not self.quiet and sys.stderr.isatty():
            self._progress.console.print(line, highlight=False)
        elif not self.quiet:
            click.echo(line, err=True)


def _start(trainer: Trainer) -> str:
    origin = trainer.origin
    if trainer.step:
        return f"goes on after step {trainer.step}"
    if "start" in origin:
        return f"starts from {origin['start']}"
    missing = [] if origin["trunk"] == "random" else origin["missing"]
    held = f", {len(missing)} of its values not in the file: {', '.join(missing)}" if missing else ""
    return f"trunk: {origin['trunk']}{held}"


def short(value: float | None) -> str:
    """Return a metric in a few characters; "-" where it is undefined."""
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) <= 1 else f"{value:.1f}"


def _board(folder: RunFolder) -> Any:
    package("tensorboard", "--tensorboard needs")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder.home / "tensorboard"))
