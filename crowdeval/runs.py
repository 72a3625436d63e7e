"""A predictor over a dataset, shard by shard, in a folder that any interruption leaves fit to resume.

The images of a split are cut into shards of a fixed size, and a shard into batches, from the settings alone; so what
is predicted does not depend on where a run stopped, and a resumed run writes the bytes of an uninterrupted one. A
shard whose images did not all succeed is done again when the run is.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval import __version__
from crowdeval.adapters import Answer, Image, Predictor, named
from crowdeval.adapters.frames import Frames, framed_answers
from crowdeval.datasets import Split
from crowdeval.errors import CrowdevalError, FormatError, MissingFileError, PredictorError, Problem
from crowdeval.formats.target import write_file
from crowdeval.points import Predictions
from crowdeval.run_folder import RunFolder, folder_of

SHARD = 16
"""Images in a shard: what an interruption can lose."""


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
    max_failures: int = 10,
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
        Seconds that a batch may take.
    progress : callable
        Called with the number of images done and in all.

    Raises
    ------
    PredictorError
        If more than ``max_failures`` images fail, or the predictor can't be opened.
    MissingFileError
        If the dataset has no images here and the predictor needs them, or another process is at work on the run.
    """
    needs_pixels = bool(getattr(predictor, "needs_pixels", True))
    if needs_pixels and not split.image_paths:
        raise MissingFileError(f"{split.name}:{split.split} has annotations and no images in {split.home}")
    folder = folder_of(base, f"{split.name}:{split.split}", named(predictor), _settings(plan, predictor))
    folder.path.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        return _run(plan, predictor, split, folder, max_failures, timeout, progress)


def _run(
    plan: Plan,
    predictor: Predictor,
    split: Split,
    folder: RunFolder,
    max_failures: int,
    timeout: float | None,
    progress: Callable[[int, int], None],
) -> Outcome:
    ids = split.annotations.image_ids
    shards = [range(i, min(i + plan.shard, len(ids))) for i in range(0, len(ids), plan.shard)]
    missing = [n for n, shard in enumerate(shards) if not folder.shard_holds(n, [ids[i] for i in shard])]
    done = len(ids) - sum(len(shards[n]) for n in missing)
    failures: dict[str, str] = {}
    clock = time.monotonic()
    manifest = _manifest(plan, predictor, split, folder)
    if missing:
        folder.write_manifest({**manifest, "finished": None})
        progress(done, len(ids))
        with _opened(predictor):
            for number in missing:
                answers: dict[str, Answer] = {}
                for batch in _batches(shards[number], predictor):
                    for image, told in zip(batch, _told(predictor, split, batch, plan.frames, timeout), strict=True):
                        if isinstance(told, Answer):
                            answers[ids[image]] = told
                        else:
                            failures[ids[image]] = told
                    if failures:
                        _write_errors(folder, failures)
                    if len(failures) > max_failures:
                        _keep(folder, number, answers)
                        raise PredictorError(
                            f"{list(failures.values())[-1]}\n{len(failures)} images failed, more than --max-failures "
                            f"{max_failures}; what is finished is kept in {folder.path}"
                        )
                    done += len(batch)
                    progress(done, len(ids))
                _keep(folder, number, answers)
        seconds = round(time.monotonic() - clock, 3)
        finished = {"finished": _now(), "seconds": seconds, "failures": len(failures)}
        folder.write_manifest({**manifest, **finished, "images_this_time": sum(len(shards[n]) for n in missing)})
    _write_errors(folder, failures)
    return Outcome(folder=folder, done=len(ids) - len(failures), failures=failures)


def _batches(shard: range, predictor: Predictor) -> Iterator[range]:
    size = max(1, int(getattr(predictor, "batch_size", 1)))
    for start in range(shard.start, shard.stop, size):
        yield range(start, min(start + size, shard.stop))


def _told(
    predictor: Predictor, split: Split, batch: range, frames: Frames, timeout: float | None
) -> list[Answer | str]:
    """Return for every image of a batch the answer, or the words for its failure.

    Where a batch fails, its images are asked for one by one, so that one bad image costs no other.
    """
    try:
        images = [_image(split, number, pixels=bool(getattr(predictor, "needs_pixels", True))) for number in batch]
        what = ", ".join(repr(image.id) for image in images)
        with _output_aside(), _limited(timeout, f"{named(predictor)}, image {what}"):
            return list(framed_answers(predictor, images, frames))
    except CrowdevalError as problem:
        if len(batch) == 1:
            return [str(problem)]
    return [told for n in batch for told in _told(predictor, split, range(n, n + 1), frames, timeout)]


def _image(split: Split, number: int, *, pixels: bool) -> Image:
    image_id = split.annotations.image_ids[number]
    path = split.image_paths[number] if split.image_paths else None
    if not pixels:
        return Image(id=image_id, pixels=np.empty((0, 0, 3), dtype=np.uint8), path=path)
    from PIL import Image as Pillow

    assert path is not None, "run() has asked for images"
    try:
        with Pillow.open(path) as opened:
            return Image(id=image_id, pixels=np.asarray(opened.convert("RGB")), path=path)
    except FileNotFoundError:
        raise MissingFileError(f"image {image_id!r}: there is no file {path}") from None
    except Exception as problem:
        raise FormatError(str(path), [Problem(expected="an image", found=str(problem), image=image_id)]) from None


def _keep(folder: RunFolder, number: int, answers: Mapping[str, Answer]) -> None:
    if answers:
        folder.write_shard(number, _columns(answers))


def _columns(answers: Mapping[str, Answer]) -> Predictions:
    """Return the answers of a shard as columns."""
    told = list(answers.values())
    located = [answer.xy is not None for answer in told]
    if any(located) and not all(located):
        odd = next(name for name, answer in answers.items() if answer.xy is None)
        raise PredictorError(f"image {odd!r}: found a count without points, other images have points")
    scored = [answer.score is not None for answer in told if answer.xy is not None and len(answer.xy)]
    if any(scored) and not all(scored):
        raise PredictorError("some images have scores and some have none")
    points = [answer.xy if answer.xy is not None else np.empty((0, 2)) for answer in told]
    counts = [np.nan if answer.count is None else answer.count for answer in told]
    return Predictions(
        image_ids=tuple(answers),
        offsets=np.concatenate([[0], np.cumsum([len(xy) for xy in points])]).astype(np.int64),
        xy=np.concatenate(points),
        score=np.concatenate([a.score if a.score is not None else np.empty(0) for a in told]) if any(scored) else None,
        counts=None if np.isnan(counts).all() else np.array(counts),
        located=all(located),
    )


def _settings(plan: Plan, predictor: Predictor) -> dict[str, Any]:
    """Return what decides the predictions beside model and dataset."""
    return {
        "adapter": plan.adapter,
        "options": dict(plan.options),
        "frames": asdict(plan.frames),
        "shard": plan.shard,
        "batch_size": int(getattr(predictor, "batch_size", 1)),
    }


def _manifest(plan: Plan, predictor: Predictor, split: Split, folder: RunFolder) -> dict[str, Any]:
    return {
        "config": folder.path.name,
        "model": predictor.name,
        "revision": predictor.revision,
        "selected_on": getattr(predictor, "selected_on", None),
        "device": getattr(predictor, "device", None),
        **_settings(plan, predictor),
        "dataset": f"{split.name}:{split.split}",
        "images": len(split.annotations.image_ids),
        "fingerprint": split.annotations.fingerprint,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "versions": {"crowdeval": __version__, "python": platform.python_version(), "numpy": np.__version__},
        "hardware": {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count()},
        "started": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write_errors(folder: RunFolder, failures: Mapping[str, str]) -> None:
    if failures or folder.errors.exists():
        rows = [json.dumps({"image": image, "error": error}, ensure_ascii=False) for image, error in failures.items()]
        write_file(folder.errors, "".join(f"{row}\n" for row in rows).encode())


@contextmanager
def _opened(predictor: Predictor) -> Iterator[None]:
    """Open a predictor that wants to be, and close it whatever happens."""
    try:
        with _output_aside():
            getattr(predictor, "open", lambda: None)()
    except CrowdevalError:
        raise
    except Exception as problem:
        raise PredictorError(f"{named(predictor)} can't be opened: {type(problem).__name__}: {problem}") from problem
    try:
        yield
    finally:
        with _output_aside():
            getattr(predictor, "close", lambda: None)()


@contextmanager
def _output_aside() -> Iterator[None]:
    """Send what a predictor prints, from Python or from a library, to standard error: standard output is data."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def _limited(seconds: float | None, what: str) -> Iterator[None]:
    """Raise PredictorError in the main thread after some seconds."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: Any) -> None:
        raise PredictorError(f"{what}: no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    """Hold the run's lock; it goes with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows has no fcntl; there two processes would do the same work twice
        yield
        return
    with (folder.path / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise MissingFileError(f"another process is at work on {folder.path}") from None
        yield
