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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval import __version__
from crowdeval.adapters import Answer, Image, Predictor, named
from crowdeval.adapters.frames import Frames, framed_answers
from crowdeval.datasets import Split
from crowdeval.errors import CrowdevalError, FormatError, MissingFileError, PredictorError, Problem, UsageError
from crowdeval.pixels import rgb
from crowdeval.run_folder import RunFolder, columns_of, folder_of
from crowdeval.run_guards import held, limited, opened, output_aside

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
    if not needs_pixels and plan.frames != Frames():
        raise UsageError(
            f"{named(predictor)} sees no pixels: tiles, a longest side and mirror images mean nothing to it"
        )
    folder = folder_of(base, f"{split.name}:{split.split}", named(predictor), _settings(plan, predictor, split))
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise MissingFileError(f"{folder.path} can't be made: {problem.strerror}") from None
    with held(folder):
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
    failures = {name: words for name, words in folder.failures().items() if missing}
    failed, clock, manifest = 0, time.monotonic(), _manifest(plan, predictor, split, folder)
    if missing:
        kind = folder.kind()
        folder.write_manifest({**manifest, "finished": None})
        progress(done, len(ids))
        with opened(predictor, timeout):
            for number in missing:
                answers: dict[str, Answer] = {}
                for batch in _batches(shards[number], predictor):
                    before = dict(failures)
                    for image, told in zip(batch, _told(predictor, split, batch, plan.frames, timeout), strict=True):
                        odd = None if isinstance(told, str) else kind.mismatch(told)
                        if isinstance(told, str):
                            failures[ids[image]] = told
                        elif odd is not None:
                            failures[ids[image]] = f"{named(predictor)}, image {ids[image]!r}: {odd}"
                        else:
                            answers[ids[image]] = told
                            kind = kind.joined_by(told)
                            failures.pop(ids[image], None)
                            continue
                        failed += 1
                    if failures != before:
                        folder.write_failures(failures)
                    if failed > max_failures:
                        _keep(folder, number, answers, [ids[i] for i in shards[number]])
                        raise PredictorError(
                            f"{list(failures.values())[-1]}\n{failed} images failed, more than --max-failures "
                            f"{max_failures}; what is finished is kept in {folder.path}"
                        )
                    done += len(batch)
                    progress(done, len(ids))
                _keep(folder, number, answers, [ids[i] for i in shards[number]])
        seconds = round(time.monotonic() - clock, 3)
        finished = {"finished": _now(), "seconds": seconds, "failures": len(failures)}
        folder.write_manifest({**manifest, **finished, "images_this_time": sum(len(shards[n]) for n in missing)})
    folder.write_failures(failures)
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
        with output_aside(), limited(timeout, f"{named(predictor)}, image {what}"):
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
            return Image(id=image_id, pixels=rgb(opened), path=path)
    except FileNotFoundError:
        raise MissingFileError(f"image {image_id!r}: there is no file {path}") from None
    except Exception as problem:
        raise FormatError(str(path), [Problem(expected="an image", found=str(problem), image=image_id)]) from None


def _keep(folder: RunFolder, number: int, answers: Mapping[str, Answer], ids: Sequence[str]) -> None:
    """Write a shard, with what it held before of images that have no answer now."""
    known = {**folder.shard_answers(number), **answers}
    if known:
        folder.write_shard(number, columns_of({name: known[name] for name in ids if name in known}))


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
