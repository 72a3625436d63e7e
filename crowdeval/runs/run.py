"""A predictor over a dataset, shard by shard, in a folder that any interruption leaves fit to resume.

The images of a split are cut into shards of a fixed size, and a shard into batches, from the settings alone; so what
is predicted does not depend on where a run stopped, and a resumed run writes the bytes of an uninterrupted one. A
shard whose images did not all succeed is done again when the run is.
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

from crowdeval.adapters import Answer, Image, Predictor, named
from crowdeval.adapters.frames import Frames, framed_answers
from crowdeval.adapters.pixels import rgb
from crowdeval.datasets import Split
from crowdeval.errors import CrowdevalError, FormatError, MissingFileError, PredictorError, Problem, UsageError
from crowdeval.options import MAX_FAILURES, SHARD
from crowdeval.points.assemble import assembled_predictions
from crowdeval.runs.folder import Kind, RunFolder, folder_of
from crowdeval.runs.guards import held, limited, opened, require_timer
from crowdeval.version import __version__
from crowdeval.writing import make_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is made of.

    Parameters
    ----------
    adapter : str
        The adapter as it was named.
    options : mapping of str to str
        Its options.
    frames : Frames
        How images are shown to it.
    shard : int
        Images a shard.
    """

    adapter: str
    options: Mapping[str, str] = field(default_factory=dict)
    frames: Frames = field(default_factory=Frames)
    shard: int = SHARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to: its folder, how many images are done, and the message of each that failed."""

    folder: RunFolder
    done: int
    failures: Mapping[str, str]


def run(
    plan: Plan,
    predictor: Predictor,
    split: Split,
    base: Path,
    *,
    max_failures: int = MAX_FAILURES,
    timeout: float | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Predict what is not predicted yet.

    Parameters
    ----------
    plan : Plan
        Adapter, options and frames; decides the folder.
    predictor : Predictor
        The adapter, made.
    split : Split
        The dataset's split.
    base : Path
        The folder of all runs.
    max_failures : int
        Images that may fail before the run stops; what is finished stays.
    timeout : float, optional
        Seconds that a batch may take; in the main thread only.
    progress : callable
        Called with the number of images done and in all.

    Raises
    ------
    PredictorError
        If more than ``max_failures`` images fail, or the predictor can't be opened.
    MissingFileError
        If the dataset has no images here and the predictor needs them, or another process is at work on the run.
    UsageError
        If frames are asked for and the predictor sees no pixels, or a timeout where there can be none.
    """
    _refuse(plan, predictor, split)
    if timeout is not None:
        require_timer()
    folder = folder_of(base, f"{split.name}:{split.split}", named(predictor), _settings(plan, predictor, split))
    make_folder(folder.path)
    with held(folder):
        work = _Work(plan, predictor, split, folder, max_failures=max_failures, timeout=timeout, progress=progress)
        return work.finished()


def _refuse(plan: Plan, predictor: Predictor, split: Split) -> None:
    """Raise where the dataset or the plan can't be meant for this predictor."""
    needs_pixels = bool(getattr(predictor, "needs_pixels", True))
    if needs_pixels and not split.image_paths:
        raise MissingFileError(f"{split.name}:{split.split} has annotations and no images in {split.home}")
    if not needs_pixels and plan.frames != Frames():
        raise UsageError(
            f"{named(predictor)} sees no pixels: tiles, a longest side and mirror images mean nothing to it"
        )


class _Work:
    """A run at work: which shards are missing, what has failed, what kind of answers the predictor gives."""

    def __init__(
        self,
        plan: Plan,
        predictor: Predictor,
        split: Split,
        folder: RunFolder,
        *,
        max_failures: int,
        timeout: float | None,
        progress: Callable[[int, int], None],
    ) -> None:
        self.plan, self.predictor, self.split, self.folder = plan, predictor, split, folder
        self.max_failures, self.timeout, self.progress = max_failures, timeout, progress
        self.ids = split.annotations.image_ids
        self.shards = [range(i, min(i + plan.shard, len(self.ids))) for i in range(0, len(self.ids), plan.shard)]
        self.missing = [n for n in range(len(self.shards)) if not folder.shard_holds(n, self._names(n))]
        self.failures = folder.failures() if self.missing else {}
        self.done = len(self.ids) - sum(len(self.shards[n]) for n in self.missing)
        self.failed = 0
        self.kind = Kind()

    def finished(self) -> Outcome:
        """Predict the missing shards and return what the run came to."""
        if self.missing:
            started, manifest = time.monotonic(), _manifest(self.plan, self.predictor, self.split, self.folder)
            self.kind = self.folder.kind()
            self.folder.write_manifest({**manifest, "finished": None})
            self.progress(self.done, len(self.ids))
            with opened(self.predictor, self.timeout):
                for number in self.missing:
                    self._predict_shard(number)
            ended = {"finished": _now(), "seconds": round(time.monotonic() - started, 3)}
            images = sum(len(self.shards[n]) for n in self.missing)
            self.folder.write_manifest(
                {**manifest, **ended, "failures": len(self.failures), "images_this_time": images}
            )
        self.folder.write_failures(self.failures)
        return Outcome(folder=self.folder, done=len(self.ids) - len(self.failures), failures=self.failures)

    def _predict_shard(self, number: int) -> None:
        """Predict a shard and write it; stop where too many images have failed, keeping the answers there are."""
        answers: dict[str, Answer] = {}
        for batch in _batches(self.shards[number], self.predictor):
            self._predict_batch(batch, answers)
            if self.failed > self.max_failures:
                self._keep(number, answers)
                raise PredictorError(
                    f"{list(self.failures.values())[-1]}\n{self.failed} images failed, more than --max-failures "
                    f"{self.max_failures}; what is finished is kept in {self.folder.path}"
                )
            self.done += len(batch)
            self.progress(self.done, len(self.ids))
        self._keep(number, answers)

    def _predict_batch(self, batch: range, answers: dict[str, Answer]) -> None:
        """Add the answers for a batch; note the images that fail and those whose answer is of another kind."""
        before = dict(self.failures)
        for image, answer in zip(batch, self._answers(batch), strict=True):
            name = self.ids[image]
            problem = answer if isinstance(answer, str) else self._oddity(name, answer)
            if isinstance(answer, str) or problem is not None:
                self.failures[name] = str(problem)
                self.failed += 1
                continue
            answers[name] = answer
            self.kind = self.kind.joined_by(answer)
            self.failures.pop(name, None)
        if self.failures != before:
            self.folder.write_failures(self.failures)

    def _oddity(self, name: str, answer: Answer) -> str | None:
        """Return in which way an answer is not of the kind of the others, or None."""
        odd = self.kind.mismatch(answer)
        return None if odd is None else f"{named(self.predictor)}, image {name!r}: {odd}"

    def _answers(self, batch: range) -> list[Answer | str]:
        """Return for every image of a batch the answer, or the message of its failure.

        Where a batch fails, its images are predicted one by one, so that one bad image costs no other.
        """
        try:
            pixels = bool(getattr(self.predictor, "needs_pixels", True))
            images = [_image(self.split, number, pixels=pixels) for number in batch]
            what = ", ".join(repr(image.id) for image in images)
            with limited(self.timeout, f"{named(self.predictor)}, image {what}"):
                return list(framed_answers(self.predictor, images, self.plan.frames))
        except CrowdevalError as problem:
            if len(batch) == 1:
                return [str(problem)]
        return [answer for number in batch for answer in self._answers(range(number, number + 1))]

    def _keep(self, number: int, answers: Mapping[str, Answer]) -> None:
        """Write a shard, with what it held before of images that have no answer now."""
        known = {**self.folder.shard_answers(number), **answers}
        if known:
            kept = {name: known[name] for name in self._names(number) if name in known}
            self.folder.write_shard(number, assembled_predictions(kept))

    def _names(self, number: int) -> list[str]:
        return [self.ids[i] for i in self.shards[number]]


def _batches(shard: range, predictor: Predictor) -> Iterator[range]:
    size = max(1, int(getattr(predictor, "batch_size", 1)))
    for start in range(shard.start, shard.stop, size):
        yield range(start, min(start + size, shard.stop))


def _image(split: Split, number: int, *, pixels: bool) -> Image:
    image_id = split.annotations.image_ids[number]
    path = split.image_paths[number] if split.image_paths else None
    if not pixels:
        return Image(id=image_id, pixels=np.empty((0, 0, 3), dtype=np.uint8), path=path)
    from PIL import Image as Pillow

    assert path is not None, "run() has asked for images"
    try:
        with Pillow.open(path) as opened:
            return Image(id=image_id, pixels=rgb(opened), path=path)
    except FileNotFoundError:
        raise MissingFileError(f"image {image_id!r}: there is no file {path}") from None
    except Exception as problem:
        raise FormatError(str(path), [Problem(expected="an image", found=str(problem), image=image_id)]) from None


def _settings(plan: Plan, predictor: Predictor, split: Split) -> dict[str, Any]:
    """Return what decides the predictions beside the model: options, frames, code, and the images themselves."""
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
    }


def _code(adapter: str) -> str | None:
    """Return a hash of the file of ``path/to/file.py:Class``."""
    place = Path(adapter.rpartition(":")[0])
    return hashlib.blake2b(place.read_bytes(), digest_size=6).hexdigest() if place.is_file() else None


def _image_files(split: Split) -> str:
    """Return a hash of the names and sizes of the image files."""
    sizes = [(path.name, path.stat().st_size if path.is_file() else -1) for path in split.image_paths]
    return hashlib.blake2b(repr(sizes).encode(), digest_size=6).hexdigest()


def _manifest(plan: Plan, predictor: Predictor, split: Split, folder: RunFolder) -> dict[str, Any]:
    return {
        "config": folder.path.name,
        "model": predictor.name,
        "revision": predictor.revision,
        "selected_on": _text(predictor, "selected_on"),
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
