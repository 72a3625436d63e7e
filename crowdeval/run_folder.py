"""A run's folder: its name, its manifest, its shards of predictions; reading it as predictions.

``BASE/<dataset>-<split>/<model>@<revision>/<config hash>/`` holds

``manifest.json``
    How it was made: model, options, frames, dataset and its fingerprint, versions, hardware, time.
``shards/NNNNN.parquet``
    Predictions of a fixed part of the images each.
``errors.jsonl``
    A row an image that failed.
``report-*.json``
    What was measured.

A shard is written aside and renamed, so a file that is there is whole; a damaged one counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdeval.errors import CrowdevalError, FormatError, MissingFileError, Problem
from crowdeval.formats import read_predictions, write_predictions
from crowdeval.formats.target import write_file
from crowdeval.points import Predictions

MANIFEST = "manifest.json"
FORMAT = "crowdeval/run@1"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run.

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path

    @property
    def errors(self) -> Path:
        """The rows of images that failed."""
        return self.path / "errors.jsonl"

    def shard(self, number: int) -> Path:
        """Return the file of a shard."""
        return self.path / "shards" / f"{number:05d}.parquet"

    def shard_holds(self, number: int, image_ids: Sequence[str]) -> bool:
        """Return whether a shard is there, whole, and has exactly these images."""
        try:
            return read_predictions(self.shard(number), format="parquet").image_ids == tuple(image_ids)
        except CrowdevalError:
            return False

    def write_shard(self, number: int, predictions: Predictions) -> None:
        """Write a shard, whole or not at all."""
        self.shard(number).parent.mkdir(parents=True, exist_ok=True)
        write_predictions(predictions, self.shard(number), format="parquet")

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, whole or not at all."""
        write_file(self.path / MANIFEST, (json.dumps({"format": FORMAT, **manifest}, indent=2) + "\n").encode())

    def manifest(self) -> dict[str, Any]:
        """Return the manifest; raise FormatError where it is damaged, MissingFileError where it is absent."""
        path = self.path / MANIFEST
        try:
            document = json.loads(path.read_text())
        except FileNotFoundError:
            raise MissingFileError(f"{self.path} is no run folder: it has no {MANIFEST}") from None
        except (OSError, ValueError) as problem:
            raise FormatError(str(path), [Problem(expected="a run's manifest", found=str(problem))]) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise FormatError(str(path), [Problem(expected=FORMAT, found="another document")])
        return document


def is_run_folder(path: str | Path) -> bool:
    """Return whether a path is a run's folder."""
    return (Path(path) / MANIFEST).is_file()


def folder_of(base: Path, dataset: str, model: str, settings: Mapping[str, Any]) -> RunFolder:
    """Return the folder of a run: one for every dataset, model@revision and settings.

    Parameters
    ----------
    base : Path
        The folder of all runs.
    dataset : str
        ``NAME:SPLIT``.
    model : str
        ``name@revision``.
    settings : mapping
        Everything else that decides what is predicted; hashed.
    """
    text = json.dumps(settings, sort_keys=True, default=str)
    digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    return RunFolder(base / _plain(dataset.replace(":", "-", 1)) / _plain(model) / digest)


def run_predictions(folder: RunFolder) -> Predictions:
    """Return the predictions of all shards that are there, in the dataset's order.

    Images that failed or were not reached are not among them.
    """
    parts = [read_predictions(path, format="parquet") for path in sorted((folder.path / "shards").glob("*.parquet"))]
    if not parts:
        raise MissingFileError(f"{folder.path} holds no predictions yet")
    return joined(parts)


def about_run(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what a report says of the origin of a run's predictions."""
    keys = ("model", "revision", "dataset", "selected_on", "adapter", "config")
    found = {key: str(manifest[key]) for key in keys if manifest.get(key)}
    date = str(manifest.get("finished") or manifest.get("started") or "")
    return {**found, "date": date} if date else found


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Return predictions of several parts of a set as one; images must not repeat."""
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    counted = any(part.counts is not None for part in parts)
    scored = all(part.score is not None for part in parts if len(part.xy)) and any(len(part.xy) for part in parts)
    return Predictions(
        image_ids=tuple(name for part in parts for name in part.image_ids),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        xy=np.concatenate([part.xy for part in parts]),
        score=np.concatenate([_scores(part) for part in parts]) if scored else None,
        counts=np.concatenate([_counts(part) for part in parts]) if counted else None,
        located=all(part.located for part in parts),
    )


def _scores(part: Predictions) -> Any:
    return part.score if part.score is not None else np.empty(0)


def _counts(part: Predictions) -> Any:
    return part.counts if part.counts is not None else np.full(len(part.image_ids), np.nan)


def _plain(name: str) -> str:
    return re.sub(r"[^\w.+@=-]+", "_", name)
