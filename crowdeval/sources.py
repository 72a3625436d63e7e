"""What a name stands for, on the command line and in Python: a file, a folder, a run, the split of a dataset."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from crowdeval.errors import AlignmentError, CrowdevalWarning, MissingFileError, UsageError
from crowdeval.options import STANDARD_STREAM, IdStyle

if TYPE_CHECKING:
    from crowdeval.formats import Images
    from crowdeval.metrics.evidence import Evidence
    from crowdeval.points.sets import Annotations, Predictions


@dataclass(frozen=True, slots=True)
class Input:
    """An argument that names predictions or annotations, before it is read.

    Parameters
    ----------
    name : str
        The argument as the user gave it.
    kind : {"file", "run", "dataset", "evidence"}
        A file of points, the folder of a run, the split of a dataset, or an evidence file.
    format : str, optional
        The format of a file, where the user named it.
    about : mapping of str to str
        Origin of a run's predictions: model, revision, dataset, ...

    Examples
    --------
    >>> Input("shanghaitech-a:test", "dataset").kind
    'dataset'
    """

    name: str
    kind: Literal["file", "run", "dataset", "evidence"]
    format: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def reads_images(self) -> bool:
        """Whether the list of the images there are is read with it."""
        return self.kind == "file"

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder with one file for each image, whose ids are names of files."""
        return self.kind == "file" and os.path.isdir(self.name)

    @property
    def holds_both_sides(self) -> bool:
        """Whether it is a table of true and predicted counts, ``image,gt,pred``."""
        if self.kind != "file" or self.format not in (None, "csv") or not os.path.isfile(self.name):
            return False
        from crowdeval.formats.csv_table import CSV
        from crowdeval.formats.source import read_source

        return CSV.holds_both_counts(read_source(self.name))

    def predictions(self, *, images: Images = None) -> Predictions:
        """Read the predictions of a file or of a run.

        Parameters
        ----------
        images : str, path or ImageList, optional
            The folder of the images, a file that lists them, or the list.

        Returns
        -------
        Predictions

        Raises
        ------
        UsageError
            If the argument names a dataset or an evidence file.
        MissingFileError, FormatError
            If the file does not exist, or its content does not follow its format.
        """
        self.require_coordinates()
        if self.kind == "dataset":
            raise UsageError(
                f"{self.name} is a dataset, which holds annotations; PREDICTIONS come before ANNOTATIONS, as in "
                f"crowdeval score preds.json {self.name}"
            )
        if self.kind == "run":
            from crowdeval.runs.folder import RunFolder, run_predictions

            return run_predictions(RunFolder(Path(self.name)))
        from crowdeval.formats import read_predictions

        return read_predictions(self.name, format=self.format, images=images)

    def annotations(self, *, root: str | None = None, cache: bool = True, images: Images = None) -> Annotations:
        """Read the annotations of a file or of a dataset's split; warn of oddities of the dataset.

        Parameters
        ----------
        images : str, path or ImageList, optional
            The folder of the images, a file that lists them, or the list.
        root : str, optional
            The folder of the dataset, or a folder above it.
        cache : bool
            Use the cache of parsed annotation files.

        Returns
        -------
        Annotations

        Raises
        ------
        UsageError
            If the argument names an evidence file, or an unknown dataset or split.
        MissingFileError, FormatError
            If the file or the dataset does not exist, or its content does not follow its format.
        """
        self.require_coordinates()
        if self.kind == "dataset":
            from crowdeval.datasets import open_dataset

            split = open_dataset(self.name, root=root, cache=cache)
            for note in split.notes:
                warnings.warn(note, CrowdevalWarning, stacklevel=2)
            return split.annotations
        from crowdeval.formats import read_annotations

        annotations = read_annotations(self.name, format=self.format, images=images)
        if root is not None:
            warnings.warn(
                f"--root is ignored: {self.name} is read as a file, and --root is for a dataset's split such as "
                "shanghaitech-a:test",
                CrowdevalWarning,
                stacklevel=2,
            )
        return annotations

    def evidence(self) -> Evidence:
        """Read an evidence file; raise FormatError where it is damaged."""
        from crowdeval.evaluation.parts import read_evidence

        return read_evidence(self.name)

    def require_coordinates(self) -> None:
        """Raise UsageError for an evidence file, which has no coordinates of points."""
        if self.kind == "evidence":
            raise UsageError(
                f"{self.name} is evidence, which holds no coordinates of points: give the file of points here. Only "
                "crowdeval score EVIDENCE and crowdeval leaderboard read evidence"
            )


def resolve_input(name: str, format: str | None = None) -> Input:
    """Return the kind of thing that an argument names, without reading it.

    Parameters
    ----------
    name : str
        A file, the folder of a run, the split of a dataset (``NAME:SPLIT``), an evidence file, or ``-`` for standard
        input. A name that is none of them is returned as a file, and reading it reports what is missing.
    format : str, optional
        The format of a file, where the user named it; the argument is then a file.

    Returns
    -------
    Input

    Raises
    ------
    MissingFileError
        If the name is ``-`` and standard input is closed.

    Examples
    --------
    >>> resolve_input("nwpu:val").kind, resolve_input("no-such-file.json").kind
    ('dataset', 'file')
    """
    if name == STANDARD_STREAM and sys.stdin is None:
        raise MissingFileError("standard input can't be read: it is closed")
    if format is not None or name == STANDARD_STREAM:
        return Input(name, "file", format)
    if os.path.isdir(name):
        return _resolve_folder(name)
    if os.path.exists(name):
        from crowdeval.evaluation.parts import is_evidence

        return Input(name, "evidence" if is_evidence(name) else "file")
    from crowdeval.datasets import is_dataset_spec

    return Input(name, "dataset" if is_dataset_spec(name) else "file")


def _resolve_folder(name: str) -> Input:
    """Return what a folder is: a run, a folder with one file of points, or one with one file for each image.

    The folder of a benchmark is refused with the name to write, and one that can be two things with both.
    """
    from crowdeval.runs.folder import RunFolder, about_run, is_run_folder

    try:
        if is_run_folder(name):
            return Input(name, "run", about=about_run(RunFolder(Path(name)).manifest()))
        from crowdeval.datasets import benchmark_at
        from crowdeval.datasets.folder import points_file_in

        benchmark = benchmark_at(Path(name))
        if benchmark is not None:
            raise UsageError(f"{name} is the folder of a benchmark: {benchmark}")
        points = points_file_in(Path(name))
    except OSError:  # the folder can't be opened; reading it as a file reports the reason
        return Input(name, "file")
    return Input(name, "file") if points is None else Input(f"folder:{name}", "dataset")


def resolve_pair(
    predictions: str, annotations: str | None, *, predictions_format: str | None, annotations_format: str | None
) -> tuple[Input, Input]:
    """Return the kinds of things that PREDICTIONS and ANNOTATIONS name.

    Parameters
    ----------
    predictions : str
        The first argument.
    annotations : str, optional
        The second argument; the folder of a run needs none, since it knows its dataset.
    predictions_format, annotations_format : str, optional
        The formats, where the user named them.

    Returns
    -------
    tuple of Input
        Predictions and annotations.

    Raises
    ------
    UsageError
        If the annotations are missing, or both arguments are standard input.

    Examples
    --------
    >>> pair = resolve_pair("preds.json", "nwpu:val", predictions_format="json", annotations_format=None)
    >>> [side.kind for side in pair]
    ['file', 'dataset']
    """
    first = resolve_input(predictions, predictions_format)
    if annotations is None:
        first.require_coordinates()
    return first, resolve_annotations(first, annotations, annotations_format)


def resolve_annotations(predictions: Input, annotations: str | None, annotations_format: str | None) -> Input:
    """Return the kind of thing that ANNOTATIONS names.

    Parameters
    ----------
    predictions : Input
        The first argument; the folder of a run names its own annotations.
    annotations : str, optional
        The second argument.
    annotations_format : str, optional
        The format, where the user named it.

    Returns
    -------
    Input

    Raises
    ------
    UsageError
        If the annotations are missing, or both arguments are standard input.

    Examples
    --------
    >>> run = Input("runs/nwpu-val/yunet@1/0f", "run", about={"dataset": "nwpu:val"})
    >>> resolve_annotations(run, None, None).name
    'nwpu:val'
    """
    name = annotations if annotations is not None else predictions.about.get("dataset")
    from crowdeval.datasets.contract import WITHOUT_POINTS

    kind = "" if name is None or annotations is not None else name.partition(":")[0]
    if kind in WITHOUT_POINTS:
        images = "photos, which have" if kind == "photos" else "a video, which has"
        raise UsageError(f"{predictions.name} is a run on {images} no points: add ANNOTATIONS")
    if name is None and predictions.holds_both_sides:
        return predictions
    if name is None:
        raise UsageError(
            f"ANNOTATIONS is missing: add annotations after {predictions.name}, a file or a split of a dataset such as "
            f"shanghaitech-a:test. Only the folder of a run needs none, and {predictions.name} is not one"
        )
    if predictions.name == name == STANDARD_STREAM:
        raise UsageError("only one of PREDICTIONS and ANNOTATIONS can be '-' (standard input): give a file for one")
    return resolve_input(name, annotations_format)


def folder_id_style(
    id_style: IdStyle, inputs: tuple[Input, Input], predictions: Predictions, annotations: Annotations
) -> IdStyle:
    """Return the id style with stems where the ids of one side are names of files; say it.

    Parameters
    ----------
    id_style : str
        The style of the protocol.
    inputs : (Input, Input)
        The two inputs.
    predictions, annotations : Predictions, Annotations
        Their content.

    Returns
    -------
    str
        ``"stem"`` in place of ``"exact"`` where one input is a folder and no ids meet as they are.
    """
    from crowdeval.points.alignment import stem_style

    folders = [each.name for each in inputs if each.is_folder]
    if id_style != "exact" or not folders or not stem_style(predictions, annotations):
        return id_style
    text = f"image ids are compared without folders and file extensions, since {folders[0]} gives names of files"
    warnings.warn(text, CrowdevalWarning, stacklevel=2)
    return "stem"


@contextmanager
def names_in_errors(predictions: Input, annotations: Input) -> Iterator[None]:
    """Put the names of the two inputs before the message of an AlignmentError.

    Parameters
    ----------
    predictions, annotations : Input
        The two inputs.

    Examples
    --------
    >>> try:
    ...     with names_in_errors(Input("preds.json", "file"), Input("gt.json", "file")):
    ...         raise AlignmentError("1 of 1 predicted images are not annotated")
    ... except AlignmentError as problem:
    ...     print(problem)
    preds.json against gt.json: 1 of 1 predicted images are not annotated
    """
    try:
        yield
    except AlignmentError as problem:
        raise AlignmentError(f"{predictions.name} against {annotations.name}: {problem}") from None
