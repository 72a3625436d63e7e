"""A predictor on a dataset from Python: predicted, resumed where it stopped, scored."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from crowdeval.adapters import FunctionPredictor, Predictor, load_adapter, model_id
from crowdeval.adapters.frames import Frames
from crowdeval.datasets import Split, open_images
from crowdeval.datasets.contract import WITHOUT_POINTS
from crowdeval.errors import PredictorError, UsageError, shown
from crowdeval.evaluation.protocol import PAPER, Protocol
from crowdeval.evaluation.report import Report
from crowdeval.options import MAX_FAILURES, MAX_PIXELS
from crowdeval.runs.run import Plan, run
from crowdeval.runs.scoring import score_run


def run_predictor(
    predictor: str | Callable[..., Any] | Predictor,
    dataset: str | Split,
    runs: str | os.PathLike[str] = "runs",
    *,
    options: Mapping[str, Any] | None = None,
    protocol: Protocol | str = PAPER,
    name: str = "",
    revision: str = "",
    root: str | os.PathLike[str] | None = None,
    frames: Frames | None = None,
    max_failures: int = MAX_FAILURES,
    timeout: float | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Run a predictor on a dataset's split and score it, as ``crowdeval predict`` does.

    After an interruption the same call continues with the images that are left.

    Parameters
    ----------
    predictor : str, callable or Predictor
        The name of an adapter, ``"pkg.mod:Class"`` or ``"path/to/file.py:Class"``; a function whose first parameter is
        ``images``, ``image`` or ``pixels``; or an object with ``name``, ``revision`` and ``predict(images)``.
    dataset : str or Split
        ``NAME:SPLIT``, a folder of images with a points file, or a split that is open.
    runs : str or path
        The folder of all runs; each gets its own folder in it.
    options : mapping, optional
        Options of the adapter or of the function.
    protocol : Protocol or str
        The metrics: a protocol or the name of a preset.
    name : str
        The name of a function's model; by default that of the function.
    revision : str
        The revision of a function's model, such as the hash of its weights. Without one, a function is run anew in each
        call: its weights are unknown, and predictions of others must not be taken for its own.
    root : str or path, optional
        The folder of the dataset, or a folder above it.
    frames : Frames, optional
        The frames through which the predictor sees the images: a longest side, tiles, a mirror image.
    max_failures : int
        Number of images that may fail before the run stops.
    timeout : float, optional
        Seconds that a batch may take; possible in the main thread only.
    max_pixels : int
        Number of pixels of the largest image that is decoded; larger ones are read tile by tile where ``frames`` has
        tiles and no longest side, rasterio is installed and the file allows it.
    progress : callable
        Called with the number of finished images and the number of all images.

    Returns
    -------
    Report
        With the per-image table; ``report.predictions.name`` is the folder of the run.

    Raises
    ------
    PredictorError
        If the predictor can't be created, or images failed; the other predictions are saved.
    UsageError
        If there is no such adapter or split, or ``name`` or ``revision`` is given to what has its own.
    MissingFileError
        If the dataset has no images here.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image as Pillow
    >>> def middle(pixels):
    ...     return [[pixels.shape[1] / 2, pixels.shape[0] / 2]]
    >>> with TemporaryDirectory() as home:
    ...     Pillow.new("RGB", (8, 8)).save(Path(home, "a.png"))
    ...     _ = Path(home, "points.json").write_text('{"a": [[4, 4], [7, 7]]}')
    ...     report = run_predictor(middle, f"folder:{home}", Path(home, "runs"))
    >>> report["MAE"], report.about["model"]
    (1.0, 'middle')
    """
    chosen = Protocol(preset=protocol) if isinstance(protocol, str) else protocol
    adapter, model = _predictor(predictor, dict(options or {}), name, revision)
    split = dataset if isinstance(dataset, Split) else open_images(dataset, root=root)
    if split.name in WITHOUT_POINTS:
        place = dataset if isinstance(dataset, str) else split.split
        raise UsageError(f"{place} has no points to score against; crowdeval predict runs without them")
    given = {key: str(value) for key, value in (options or {}).items()}
    plan = Plan(adapter=adapter, options=given, frames=frames or Frames())
    made = run(
        plan, model, split, Path(runs),
        max_failures=max_failures, timeout=timeout, max_pixels=max_pixels, progress=progress,
    )  # fmt: skip
    if made.failures:
        raise PredictorError(made.failed_text("call"))
    return score_run(made.folder, split, chosen)


def _predictor(
    predictor: str | Callable[..., Any] | Predictor, options: dict[str, Any], name: str, revision: str
) -> tuple[str, Predictor]:
    """Return the words by which a run names its predictor, and the predictor."""
    if isinstance(predictor, str):
        _refuse_names(name, revision, "an adapter")
        return predictor, load_adapter(predictor, options)
    if callable(getattr(predictor, "predict", None)) and not isinstance(predictor, type):
        _refuse_names(name, revision, "a predictor")
        if options:
            raise UsageError("options are for adapters and functions; this predictor is there already")
        ready = cast(Predictor, predictor)
        model_id(ready)
        return f"{type(predictor).__module__}:{type(predictor).__qualname__}", ready
    if not callable(predictor) or isinstance(predictor, type):
        raise UsageError(
            "predictor: expected the name of an adapter, a function or an object with predict(images), found "
            f"{shown(predictor)}"
        )
    model = FunctionPredictor(predictor, options)
    model.name = name or model.name
    model.revision = revision or f"{model.revision}-{uuid.uuid4().hex[:8]}"
    return f"{predictor.__module__}:{getattr(predictor, '__qualname__', model.name)}", model


def _refuse_names(name: str, revision: str, what: str) -> None:
    """Raise UsageError where a name or a revision is given to something that has its own."""
    if name or revision:
        raise UsageError(f"name and revision are for functions; {what} has its own")
