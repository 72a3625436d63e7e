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

from crowdeval.adapters import Answer
from crowdeval.errors import CrowdevalError, FormatError, MissingFileError, Problem
from crowdeval.formats import read_predictions, write_predictions
from crowdeval.points.assemble import concatenated, image_predictions
from crowdeval.points.sets import Predictions
from crowdeval.writing import write_file

MANIFEST = "manifest.json"
FORMAT = "crowdeval/run@1"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the answers of a run have in common: points or counts only, scores or none; None is not known yet."""

    located: bool | None = None
    scored: bool | None = None

    def mismatch(self, answer: Answer) -> str | None:
        """Return in which way an answer is not of this kind, or None."""
        other = _kind(answer)
        if None not in (self.located, other.located) and self.located != other.located:
            found, rest = ("points", "counts only") if other.located else ("a count without points", "points")
            return f"found {found}, the other images have {rest}"
        if None not in (self.scored, other.scored) and self.scored != other.scored:
            return "found " + (
                "scores, the other images have none" if other.scored else "no scores, the others have them"
            )
        return None

    def joined_by(self, answer: Answer) -> Kind:
        """Return the kind when this answer is known, too."""
        other = _kind(answer)
        return Kind(
            located=other.located if self.located is None else self.located,
            scored=other.scored if self.scored is None else self.scored,
        )


def _kind(answer: Answer) -> Kind:
    if answer.xy is None:
        return Kind(located=False)
    return Kind(located=True, scored=(answer.score is not None) if len(answer.xy) else None)


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

    def shard_answers(self, number: int) -> dict[str, Answer]:
        """Return what a shard holds, image by image; nothing where it is absent or damaged."""
        try:
            part = read_predictions(self.shard(number), format="parquet")
        except CrowdevalError:
            return {}
        images = image_predictions(part)
        return {name: Answer(xy=one.xy, score=one.score, count=one.count) for name, one in images.items()}

    def kind(self) -> Kind:
        """Return what kind of answers the shards hold."""
        kind = Kind()
        for path in sorted((self.path / "shards").glob("*.parquet")):
            for answer in self.shard_answers(int(path.stem)).values():
                kind = kind.joined_by(answer)
        return kind

    def failures(self) -> dict[str, str]:
        """Return the images that failed and the words for it."""
        try:
            rows = [json.loads(line) for line in self.errors.read_text().splitlines()]
            return {row["image"]: row["error"] for row in rows}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def write_failures(self, failures: Mapping[str, str]) -> None:
        """Write the rows of images that failed."""
        if failures or self.errors.exists():
            rows = [json.dumps({"image": i, "error": error}, ensure_ascii=False) for i, error in failures.items()]
            write_file(self.errors, "".join(f"{row}\n" for row in rows).encode())

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
    return concatenated(parts)


def about_run(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what a report says of the origin of a run's predictions."""
    keys = ("model", "revision", "dataset", "selected_on", "adapter", "config")
    found = {key: str(manifest[key]) for key in keys if manifest.get(key)}
    date = str(manifest.get("finished") or manifest.get("started") or "")
    return {**found, "date": date} if date else found


def _plain(name: str) -> str:
    return re.sub(r"[^\w.+@=-]+", "_", name)
