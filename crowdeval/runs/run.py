"""A run of a predictor on a dataset, shard by shard; it can be interrupted at any moment and resumed.

The settings alone divide the images of a split into shards of a fixed size, and a shard into batches. The predictions
therefore do not depend on where a run stopped: a resumed run writes the same bytes as an uninterrupted one. The next
run repeats each shard in which an image failed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.adapters import Answer, Predictor, model_id
from crowdeval.adapters.frames import Frames, predict_in_frames
from crowdeval.datasets import Split
from crowdeval.errors import (
    CrowdevalError,
    MissingFileError,
    PredictorError,
    UsageError,
)
from crowdeval.options import MAX_FAILURES, MAX_PIXELS, SHARD
from crowdeval.points.assemble import assemble_predictions
from crowdeval.runs.ahead import Ahead
from crowdeval.runs.folder import AnswerKind, Failure, RunFolder, run_folder
from crowdeval.runs.guards import Guard, open_predictor, require_timer, run_lock
from crowdeval.runs.images import Pixels
from crowdeval.version import __version__
from crowdeval.writing import make_folder


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a run that decide its predictions, besides model and dataset.

    Parameters
    ----------
    adapter : str
        The adapter's name, as for ``load_adapter``.
    options : mapping of str to str
        The options of the adapter.
    frames : Frames
        The frames through which it sees the images.
    shard : int
        Number of images in a shard.
    selected_on : str
        The split on which the model was selected; by default what the predictor says. It decides nothing.
    """

    adapter: str
    options: Mapping[str, str] = field(default_factory=dict)
    frames: Frames = field(default_factory=Frames)
    shard: int = SHARD
    selected_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a run.

    Attributes
    ----------
    folder : RunFolder
        The folder of the run.
    done : int
        Number of images with predictions.
    failures : mapping of str to str
        Image id to error message, for each image that failed.
    """

    folder: RunFolder
    done: int
    failures: Mapping[str, str]

    def failed_text(self, what: str) -> str:
        """Return the message about the images that failed.

        Parameters
        ----------
        what : str
            What tries them again: the same command, the same call.

        Returns
        -------
        str
        """
        failed = len(self.failures)
        return (
            f"{failed} of {self.done + failed} images failed, the first: {next(iter(self.failures.values()))}\n"
            f"the other predictions are saved; {self.folder.errors} lists the failed images, and the same {what} tries "
            "them again"
        )


def run(
    plan: Plan,
    predictor: Predictor,
    split: Split,
    base: Path,
    *,
    max_failures: int = MAX_FAILURES,
    timeout: float | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Predict the images of a split that have no predictions yet.

    Parameters
    ----------
    plan : Plan
        Adapter, options and frames; they decide the folder of the run.
    predictor : Predictor
        The predictor that ``load_adapter`` has created from the plan.
    split : Split
        The split of the dataset.
    base : Path
        The folder of all runs.
    max_failures : int
        Number of images that may fail before the run stops; the finished predictions are kept.
    timeout : float, optional
        Seconds that a batch may take; possible in the main thread only.
    max_pixels : int
        Number of pixels of the largest image that is decoded. A larger one is read tile by tile where the plan has
        tiles and no longest side, rasterio is installed and the file allows it; else it counts as failed.
    progress : callable
        Called with the number of finished images and the number of all images.

    Returns
    -------
    Outcome

    Raises
    ------
    PredictorError
        If more than ``max_failures`` images fail, or the predictor can't be opened.
    MissingFileError
        If the predictor needs images and the dataset has none here, or another process works on the run.
    UsageError
        If the plan has frames and the predictor gets no pixels, or a timeout is not possible here.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image as Pillow
    >>> from crowdeval.datasets import open_dataset
    >>> class Nobody:
    ...     name, revision = "nobody", "1"
    ...
    ...     def predict(self, images):
    ...         return [[] for image in images]
    >>> with TemporaryDirectory() as home:
    ...     Pillow.new("RGB", (8, 8)).save(Path(home, "a.png"))
    ...     _ = Path(home, "points.json").write_text('{"a": [[1, 2]]}')
    ...     split = open_dataset(f"folder:{home}", cache=False)
    ...     outcome = run(Plan(adapter="nobody"), Nobody(), split, Path(home, "runs"))
    >>> outcome.done, dict(outcome.failures)
    (1, {})
    """
    _check_plan(plan, predictor, split)
    if timeout is not None:
        require_timer()
    folder = run_folder(base, f"{split.name}:{split.split}", model_id(predictor), _settings(plan, predictor, split))
    make_folder(folder.path)
    with run_lock(folder), Guard(timeout) as guard:
        limits = _Limits(max_failures, guard, max_pixels)
        work = _Work(plan, predictor, split, folder, limits=limits, progress=progress)
        return work.complete()


def _check_plan(plan: Plan, predictor: Predictor, split: Split) -> None:
    """Raise an error where the dataset or the plan does not fit the predictor."""
    needs_pixels = bool(getattr(predictor, "needs_pixels", True))
    if needs_pixels and not split.image_paths:
        raise MissingFileError(
            f"{split.name}:{split.split} has annotations but no images in {split.home}; "
            f"{model_id(predictor)} needs the images"
        )
    if not needs_pixels and plan.frames != Frames():
        raise UsageError(
            f"{model_id(predictor)} gets no pixels, so that tiles, a longest side and mirror images have no effect; "
            "leave out --tile, --max-side and --flip"
        )


@dataclass(frozen=True, slots=True)
class _Limits:
    """What a run may cost: failures, seconds of a call, pixels."""

    max_failures: int
    guard: Guard
    max_pixels: int


class _Work:
    """The state of a run: the missing shards, the images that failed, the kind of the predictor's answers."""

    def __init__(
        self,
        plan: Plan,
        predictor: Predictor,
        split: Split,
        folder: RunFolder,
        *,
        limits: _Limits,
        progress: Callable[[int, int], None],
    ) -> None:
        self.plan, self.predictor, self.split, self.folder = plan, predictor, split, folder
        self.max_failures, self.guard, self.progress = limits.max_failures, limits.guard, progress
        wanted = bool(getattr(predictor, "needs_pixels", True))
        pixels = Pixels(split, limits.max_pixels, wanted=wanted, frames=plan.frames)
        self.ids = split.annotations.image_ids
        # A shard is filled up to whole batches, so that no batch is smaller than the predictor's size but the last.
        size = _batch_size(predictor)
        shard = -(-plan.shard // size) * size
        self.shards = [range(i, min(i + shard, len(self.ids))) for i in range(0, len(self.ids), shard)]
        # 5 images in shards of 2 -> shards [range(0, 2), range(2, 4), range(4, 5)]; missing: the incomplete ones, [1]
        self.missing = [n for n in range(len(self.shards)) if not folder.shard_holds(n, self._names(n))]
        order = [image for number in self.missing for image in self.shards[number]]
        # The frames of a video are decoded one after the other.
        self.ahead = Ahead(pixels.image, order, pixels.size, workers=None if split.clip is None else 1)
        self.failures = folder.failures() if self.missing else {}
        self.done = len(self.ids) - sum(len(self.shards[n]) for n in self.missing)
        self.failed = 0
        self.kind = AnswerKind()

    def complete(self) -> Outcome:
        """Predict the missing shards and return the result of the run."""
        if self.missing:
            started, manifest = time.monotonic(), _manifest(self.plan, self.predictor, self.split, self.folder)
            self.kind = self.folder.kind()
            self.folder.write_manifest({**manifest, "finished": None})
            self.progress(self.done, len(self.ids))
            with open_predictor(self.predictor, self.guard), self.ahead:
                for number in self.missing:
                    self._predict_shard(number)
            ended = {"finished": _now(), "seconds": round(time.monotonic() - started, 3)}
            images = sum(len(self.shards[n]) for n in self.missing)
            self.folder.write_manifest(
                {**manifest, **ended, "failures": len(self.failures), "images_this_time": images}
            )
        elif self.plan.selected_on:
            self.folder.write_manifest({**self.folder.manifest(), "selected_on": self.plan.selected_on})
        self.folder.write_failures(self.failures)
        return Outcome(folder=self.folder, done=len(self.ids) - len(self.failures), failures=self.failures)

    def _predict_shard(self, number: int) -> None:
        """Predict a shard and write it; raise an error where too many images have failed, after writing the answers."""
        answers: dict[str, Answer] = {}
        for batch in _batches(self.shards[number], self.predictor):
            self._predict_batch(batch, answers)
            if self.failed > self.max_failures:
                self._write_answers(number, answers)
                raise PredictorError(
                    f"{list(self.failures.values())[-1]}\n{self.failed} images failed, more than --max-failures "
                    f"{self.max_failures}; the finished predictions are kept in {self.folder.path}"
                )
            self.done += len(batch)
            self.progress(self.done, len(self.ids))
        self._write_answers(number, answers)

    def _predict_batch(self, batch: range, answers: dict[str, Answer]) -> None:
        """Add the answers for a batch; record each image that fails, or whose answer is of another kind."""
        before = dict(self.failures)
        for image, answer in zip(batch, self._answers(batch), strict=True):
            name = self.ids[image]
            problem = answer if isinstance(answer, str) else self._kind_problem(name, answer)
            if isinstance(answer, str) or problem is not None:
                self.failures[name] = problem if isinstance(problem, Failure) else Failure(str(problem))
                self.failed += 1
                continue
            answers[name] = answer
            self.kind = self.kind.with_answer(answer)
            self.failures.pop(name, None)
        if self.failures != before:
            self.folder.write_failures(self.failures)

    def _kind_problem(self, name: str, answer: Answer) -> str | None:
        """Return the message for an answer that is not of the kind of the others, or None."""
        mismatch = self.kind.mismatch(answer)
        return None if mismatch is None else f"{model_id(self.predictor)}, image {name!r}: {mismatch}"

    def _answers(self, batch: range) -> list[Answer | str]:
        """Return the answer, or the error message, for each image of a batch.

        Where a batch fails, its images are predicted one by one, so that a bad image does not cost the others.
        """
        try:
            images = [self.ahead.take(number) for number in batch]
            ids = ", ".join(repr(image.id) for image in images)
            place = f"{model_id(self.predictor)}, image {ids}"
            return self.guard.call(lambda: [*predict_in_frames(self.predictor, images, self.plan.frames)], place)
        except CrowdevalError as problem:
            if len(batch) == 1:
                return [Failure(str(problem), getattr(problem, "trace", ""))]
        return [answer for number in batch for answer in self._answers(range(number, number + 1))]

    def _write_answers(self, number: int, answers: Mapping[str, Answer]) -> None:
        """Write a shard: the new answers, and the previous answer of each image that has no new one."""
        known = {**self.folder.shard_answers(number), **answers}
        if known:
            kept = {name: known[name] for name in self._names(number) if name in known}
            self.folder.write_shard(number, assemble_predictions(kept))

    def _names(self, number: int) -> list[str]:
        return [self.ids[i] for i in self.shards[number]]


def _batch_size(predictor: Predictor) -> int:
    return max(1, int(getattr(predictor, "batch_size", 1)))


def _batches(shard: range, predictor: Predictor) -> Iterator[range]:
    """Yield the images of a shard in batches of the predictor's size."""
    size = _batch_size(predictor)
    for start in range(shard.start, shard.stop, size):
        yield range(start, min(start + size, shard.stop))


def _settings(plan: Plan, predictor: Predictor, split: Split) -> dict[str, Any]:
    """Return all values that decide the predictions besides the model; their hash names the run's folder."""
    return {
        "adapter": plan.adapter,
        "code": _code(plan.adapter),
        "options": dict(plan.options),
        "frames": asdict(plan.frames),
        "shard": plan.shard,
        "batch_size": getattr(predictor, "batch_size", 1),
        "dataset": f"{split.name}:{split.split}",
        "fingerprint": split.annotations.fingerprint,
        "image_files": _image_files(split),
        **({} if split.clip is None else {"every": split.clip.every}),
    }


def _code(adapter: str) -> str | None:
    """Return a hash of the file of ``path/to/file.py:Class``, None for other adapters."""
    place = Path(adapter.rpartition(":")[0])
    return hashlib.blake2b(place.read_bytes(), digest_size=6).hexdigest() if place.is_file() else None


def _image_files(split: Split) -> str:
    """Return a hash of the names and sizes of the image files."""
    bytes_of = {path: path.stat().st_size if path.is_file() else -1 for path in set(split.image_paths)}
    sizes = [(path.name, bytes_of[path]) for path in split.image_paths]
    return hashlib.blake2b(repr(sizes).encode(), digest_size=6).hexdigest()


def _manifest(plan: Plan, predictor: Predictor, split: Split, folder: RunFolder) -> dict[str, Any]:
    """Return the manifest of a run that starts now."""
    return {
        "config": folder.path.name,
        "model": predictor.name,
        "revision": predictor.revision,
        "selected_on": plan.selected_on or _text(predictor, "selected_on"),
        "device": _text(predictor, "device"),
        **_settings(plan, predictor, split),
        "images": len(split.annotations.image_ids),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "versions": {"crowdeval": __version__, "python": platform.python_version(), "numpy": np.__version__},
        "hardware": {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count()},
        "started": _now(),
    }


def _text(predictor: Predictor, attribute: str) -> str | None:
    value = getattr(predictor, attribute, None)
    return None if value is None else str(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
