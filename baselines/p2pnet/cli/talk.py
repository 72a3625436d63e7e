"""Messages of a training while it runs: a bar on a terminal, a line for each validation, and TensorBoard on request."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from baselines.p2pnet.packages import import_package
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import count_outside
from baselines.p2pnet.training import Trainer

SHOWN = ("nAP", "nAP@0.05", "nAP@0.25", "nAP@0.5", "MAE", "RMSE", "F1@4px", "F1@8px")
"""The metrics of a validation's line."""


class Reporter:
    """The messages of a run: a context manager that is called with each entry of the log.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run; TensorBoard's files are written in it.
    quiet : bool
        Print nothing.
    tensorboard : bool
        Also write the entries for TensorBoard.

    Raises
    ------
    UsageError
        If the package tensorboard is requested and not installed.
    """

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

    def __enter__(self) -> Reporter:
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
        """Print the number of images, the device, the number of steps and the first weights.

        Parameters
        ----------
        trainer : Trainer
            The training before its first step.
        """
        self._progress.update(self._task, total=trainer.steps, completed=trainer.step)
        images = (
            f"{len(trainer.train)} images of {trainer.train.source}, checkpoint selected on {trainer.validation.source}"
        )
        self._say(f"{images}; {trainer.device}, {trainer.steps} steps; {_start(trainer)}")
        outside = sum(count_outside(sample) for sample in trainer.train) if trainer.processes.first else 0
        if outside:
            self._say(f"{outside} true points lie outside their images and are not used")

    def end(self, trainer: Trainer) -> None:
        """Print the path of the best checkpoint and the value that selected it.

        Parameters
        ----------
        trainer : Trainer
            The training after its last step.
        """
        select = trainer.config.select
        value, step = format_metric(trainer.best[select]), trainer.best["step"]
        self._say(f"{trainer.folder.best}: step {step}, selected by {select} {value}")

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Report an entry of the log."""
        for name, value in (entry.get("validation") or entry).items():
            if self._board is not None and name not in ("step", "best") and value is not None:
                self._board.add_scalar(
                    f"{'validation' if 'validation' in entry else 'training'}/{name}", value, entry["step"]
                )
        if "validation" in entry:
            values = "  ".join(f"{name} {format_metric(entry['validation'][name])}" for name in SHOWN)
            self._say(f"step {entry['step']}  {values}{'  (best)' if entry['best'] else ''}")
            if self._unmatched:
                self._say(
                    f"{self._unmatched} true points since the last validation had no proposal (more in a crop than "
                    "proposals) and were not used"
                )
            self._unmatched = 0
        else:
            self._progress.update(self._task, completed=entry["step"], description=f"loss {entry['loss']:.4f}")
            self._unmatched += entry.get("unmatched", 0)

    def _say(self, line: str) -> None:
        """Print a line on standard error, above the bar where there is one."""
        if not self.quiet and sys.stderr.isatty():
            self._progress.console.print(line, highlight=False)
        elif not self.quiet:
            click.echo(line, err=True)


def _start(trainer: Trainer) -> str:
    """Return the text for the first weights of a training."""
    origin = trainer.origin
    if trainer.step:
        return f"resumes after step {trainer.step}"
    if "start" in origin:
        return f"starts from {origin['start']}"
    missing = [] if origin["trunk"] == "random" else origin["missing"]
    note = f", {len(missing)} of its keys are not in the file: {', '.join(missing)}" if missing else ""
    return f"trunk: {origin['trunk']}{note}"


def format_metric(value: float | None) -> str:
    """Return a metric as short text.

    Parameters
    ----------
    value : float, optional
        The value; None where it is undefined.

    Returns
    -------
    str
        Three decimals up to 1, one decimal above, or "-".

    Examples
    --------
    >>> format_metric(0.5213), format_metric(79.21), format_metric(None)
    ('0.521', '79.2', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) <= 1 else f"{value:.1f}"


def _board(folder: RunFolder) -> Any:
    """Return TensorBoard's writer."""
    import_package("tensorboard", "--tensorboard needs")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder.home / "tensorboard"))
