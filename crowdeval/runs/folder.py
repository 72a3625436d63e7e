"""The folder of a run: its path, its manifest, and its shards of predictions.

The folder ``BASE/<dataset>-<split>/<model>@<revision>/<config hash>/`` holds these files:

``manifest.json``
    The origin of the predictions: model, options, frames, dataset and its fingerprint, versions, hardware, time.
``shards/NNNNN.parquet``
    The predictions of a fixed part of the images.
``errors.jsonl``
    One row for each image that failed.
``report-*.json``
    The reports, one for each protocol.

A shard is written to a draft that is then renamed, so that a shard of this name is complete. A damaged shard is treated
as absent.
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
from crowdeval.errors import CrowdevalError, FormatError, MissingFileError, Problem, shown
from crowdeval.formats import read_predictions, write_predictions
from crowdeval.points.assemble import concatenated, image_predictions
from crowdeval.points.sets import Predictions
from crowdeval.writing import clear_drafts, write_file

MANIFEST = "manifest.json"
FORMAT = "crowdeval/run@1"
"""The ``format`` entry of a manifest."""


class Failure(str):
    """The message of an image that failed; ``trace`` is the traceback of the predictor's own exception.

    Parameters
    ----------
    message : str
        The message.
    trace : str
        The traceback; empty where there is none.

    Examples
    --------
    >>> Failure("out of memory", "Traceback ...").trace
    'Traceback ...'
    """

    trace: str

    def __new__(cls, message: str, trace: str = "") -> Failure:  # noqa: D102 see the class
        failure = super().__new__(cls, message)
        failure.trace = trace
        return failure


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """The properties that all answers of a run share; None where no answer has shown them yet.

    Parameters
    ----------
    located : bool, optional
        Whether the answers have points, not only counts.
    scored : bool, optional
        Whether the points have scores.
    """

    located: bool | None = None
    scored: bool | None = None

    def mismatch(self, answer: Answer) -> str | None:
        """Return the difference of an answer from this kind.

        Parameters
        ----------
        answer : Answer
            The answer for one image.

        Returns
        -------
        str or None
            The difference, for an error message; None where the answer is of this kind.

        Examples
        --------
        >>> AnswerKind(located=True).mismatch(Answer(xy=None, count=3.0))
        'found a count without points, the other images have points'
        """
        other = _kind_of(answer)
        if None not in (self.located, other.located) and self.located != other.located:
            this, rest = ("points", "counts only") if other.located else ("a count without points", "points")
            return f"found {this}, the other images have {rest}"
        if None not in (self.scored, other.scored) and self.scored != other.scored:
            this, rest = ("scores", "none") if other.scored else ("no scores", "scores")
            return f"found {this}, the other images have {rest}"
        return None

    def with_answer(self, answer: Answer) -> AnswerKind:
        """Return the kind of the answers so far and one more.

        Parameters
        ----------
        answer : Answer
            The answer for one image, of this kind.

        Returns
        -------
        AnswerKind

        Examples
        --------
        >>> AnswerKind().with_answer(Answer(xy=None, count=3.0))
        AnswerKind(located=False, scored=None)
        """
        other = _kind_of(answer)
        return AnswerKind(
            located=other.located if self.located is None else self.located,
            scored=other.scored if self.scored is None else self.scored,
        )


def _kind_of(answer: Answer) -> AnswerKind:
    """Return the kind that one answer shows; an answer without points does not show whether points have scores."""
    if answer.xy is None:
        return AnswerKind(located=False)
    return AnswerKind(located=True, scored=(answer.score is not None) if len(answer.xy) else None)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run.

    Parameters
    ----------
    path : Path
        The folder.

    Examples
    --------
    >>> RunFolder(Path("runs/a")).shard(7).as_posix()
    'runs/a/shards/00007.parquet'
    """

    path: Path

    @property
    def errors(self) -> Path:
        """The file with one row for each image that failed."""
        return self.path / "errors.jsonl"

    def shard(self, number: int) -> Path:
        """Return the file of a shard.

        Parameters
        ----------
        number : int
            The shard, counted from 0.

        Returns
        -------
        Path
        """
        return self.path / "shards" / f"{number:05d}.parquet"

    def shard_holds(self, number: int, image_ids: Sequence[str]) -> bool:
        """Return whether a shard is complete: it can be read and has exactly the given images.

        Parameters
        ----------
        number : int
            The shard, counted from 0.
        image_ids : sequence of str
            The images of the shard, in their order.

        Returns
        -------
        bool

        Examples
        --------
        >>> RunFolder(Path("no-such-folder")).shard_holds(0, ["a"])
        False
        """
        try:
            return read_predictions(self.shard(number), format="parquet").image_ids == tuple(image_ids)
        except CrowdevalError:
            return False

    def write_shard(self, number: int, predictions: Predictions) -> None:
        """Write a shard, whole or not at all.

        Parameters
        ----------
        number : int
            The shard, counted from 0.
        predictions : Predictions
            The predictions of its images.

        Raises
        ------
        MissingFileError
            If the file can't be written.
        """
        self.shard(number).parent.mkdir(parents=True, exist_ok=True)
        clear_drafts(self.shard(number))  # of a process that was killed; the run is locked, so none is in use
        write_predictions(predictions, self.shard(number), format="parquet")

    def shard_answers(self, number: int) -> dict[str, Answer]:
        """Return the answers of a shard.

        Parameters
        ----------
        number : int
            The shard, counted from 0.

        Returns
        -------
        dict of str to Answer
            Image id to answer; empty where the shard is absent or damaged.

        Examples
        --------
        >>> RunFolder(Path("no-such-folder")).shard_answers(0)
        {}
        """
        try:
            part = read_predictions(self.shard(number), format="parquet")
        except CrowdevalError:
            return {}
        images = image_predictions(part)
        return {name: Answer(xy=image.xy, score=image.score, count=image.count) for name, image in images.items()}

    def kind(self) -> AnswerKind:
        """Return the kind of the answers in all shards.

        Returns
        -------
        AnswerKind

        Examples
        --------
        >>> RunFolder(Path("no-such-folder")).kind()
        AnswerKind(located=None, scored=None)
        """
        kind = AnswerKind()
        for path in sorted((self.path / "shards").glob("*.parquet")):
            for answer in self.shard_answers(int(path.stem)).values():
                kind = kind.with_answer(answer)
        return kind

    def failures(self) -> dict[str, str]:
        """Return the images that failed.

        Returns
        -------
        dict of str to str
            Image id to error message; empty where the file is absent or damaged.

        Examples
        --------
        >>> RunFolder(Path("no-such-folder")).failures()
        {}
        """
        try:
            rows = [json.loads(line) for line in self.errors.read_text().splitlines()]
            return {row["image"]: Failure(row["error"], row.get("traceback", "")) for row in rows}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def write_failures(self, failures: Mapping[str, str]) -> None:
        """Write one row for each image that failed.

        Parameters
        ----------
        failures : mapping of str to str
            Image id to error message. If it is empty, an existing file is emptied and no file is created.

        Raises
        ------
        MissingFileError
            If the file can't be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as path:
        ...     folder = RunFolder(Path(path))
        ...     folder.write_failures({"img_03": "out of memory"})
        ...     folder.failures()
        {'img_03': 'out of memory'}
        """
        if failures or self.errors.exists():
            entries = [{"image": name, "error": str(error)} for name, error in failures.items()]
            for entry, error in zip(entries, failures.values(), strict=True):
                if isinstance(error, Failure) and error.trace:
                    entry["traceback"] = error.trace
            rows = [json.dumps(entry, ensure_ascii=False) for entry in entries]
            write_file(self.errors, "".join(f"{row}\n" for row in rows).encode())

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, whole or not at all.

        Parameters
        ----------
        manifest : mapping
            Its entries, without ``format``; they have to be JSON values.

        Raises
        ------
        MissingFileError
            If the file can't be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as path:
        ...     folder = RunFolder(Path(path))
        ...     folder.write_manifest({"model": "yunet"})
        ...     folder.manifest()
        {'format': 'crowdeval/run@1', 'model': 'yunet'}
        """
        write_file(self.path / MANIFEST, (json.dumps({"format": FORMAT, **manifest}, indent=2) + "\n").encode())

    def manifest(self) -> dict[str, Any]:
        """Return the manifest.

        Returns
        -------
        dict
            Its entries, including ``format``.

        Raises
        ------
        MissingFileError
            If the folder has no manifest.
        FormatError
            If the manifest is damaged or of another format.
        """
        path = self.path / MANIFEST
        try:
            document = json.loads(path.read_text())
        except FileNotFoundError:
            raise MissingFileError(f"{self.path} is not the folder of a run: it has no {MANIFEST}") from None
        except (OSError, ValueError) as problem:
            raise FormatError(str(path), [Problem(expected="the manifest of a run", found=str(problem))]) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise FormatError(str(path), [Problem(expected=f"a manifest, {FORMAT!r}", found=shown(document))])
        return document


def is_run_folder(path: str | Path) -> bool:
    """Return whether a path is the folder of a run.

    Parameters
    ----------
    path : str or Path
        The path; it need not exist.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_run_folder("no-such-folder")
    False
    """
    return (Path(path) / MANIFEST).is_file()


def run_folder(base: Path, dataset: str, model: str, settings: Mapping[str, Any]) -> RunFolder:
    """Return the folder of a run; each combination of dataset, model and settings has its own.

    Parameters
    ----------
    base : Path
        The folder of all runs.
    dataset : str
        ``NAME:SPLIT``.
    model : str
        ``name@revision``.
    settings : mapping
        All other values on which the predictions depend; their hash names the folder.

    Returns
    -------
    RunFolder
        It need not exist.

    Examples
    --------
    >>> run_folder(Path("runs"), "nwpu:val", "yunet@1", {"shard": 64}).path.as_posix()
    'runs/nwpu-val/yunet@1/f9bed90e3a40'
    """
    text = json.dumps(settings, sort_keys=True, default=str)
    digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    return RunFolder(base / _as_file_name(dataset.replace(":", "-", 1)) / _as_file_name(model) / digest)


def run_predictions(folder: RunFolder) -> Predictions:
    """Return the predictions of a run.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run.

    Returns
    -------
    Predictions
        Those of all shards, in the dataset's order of images. Images that failed, or that the run has not reached yet,
        are absent.

    Raises
    ------
    MissingFileError
        If there is no shard yet.
    FormatError
        If a shard is damaged.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as path:
    ...     folder = RunFolder(Path(path))
    ...     folder.write_shard(0, Predictions(image_ids=("a",), offsets=[0, 1], xy=[[1.0, 2.0]]))
    ...     folder.write_shard(1, Predictions(image_ids=("b",), offsets=[0, 1], xy=[[3.0, 4.0]]))
    ...     run_predictions(folder).image_ids
    ('a', 'b')
    """
    parts = [read_predictions(path, format="parquet") for path in sorted((folder.path / "shards").glob("*.parquet"))]
    if not parts:
        raise MissingFileError(f"{folder.path} holds no predictions yet")
    return concatenated(parts)


def about_run(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the origin of a run's predictions, for the ``about`` entry of a report.

    Parameters
    ----------
    manifest : mapping
        The manifest of the run.

    Returns
    -------
    dict of str to str
        The entries ``model``, ``revision``, ``dataset``, ``selected_on``, ``adapter`` and ``config`` that the manifest
        has, and the ``date`` at which the run finished or, if it did not, started.

    Examples
    --------
    >>> about_run({"model": "yunet", "images": 182, "started": "2025-01-31T12:00:00+00:00", "finished": None})
    {'model': 'yunet', 'date': '2025-01-31T12:00:00+00:00'}
    """
    keys = ("model", "revision", "dataset", "selected_on", "adapter", "config")
    entries = {key: str(manifest[key]) for key in keys if manifest.get(key)}
    date = str(manifest.get("finished") or manifest.get("started") or "")
    return {**entries, "date": date} if date else entries


def _as_file_name(name: str) -> str:
    """Return a name with an underscore in place of characters that file systems or shells treat specially."""
    return re.sub(r"[^\w.+@=-]+", "_", name)
