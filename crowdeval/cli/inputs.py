"""The inputs of the verbs: an argument is a file, a run's folder or a dataset's split, told once; the output file."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, offered
from crowdeval.errors import AlignmentError, CrowdevalWarning, MissingFileError, UsageError
from crowdeval.options import STANDARD_STREAM

if TYPE_CHECKING:
    from crowdeval.metrics.evidence import Evidence
    from crowdeval.points.sets import Annotations, Predictions

F = TypeVar("F", bound=Callable[..., Any])


def both_inputs(command: F) -> F:
    """Add the arguments PREDICTIONS and ANNOTATIONS and the options that name their formats."""
    for decorate in (
        no_cache_option,
        root_option,
        click.option(
            "--annotations-format",
            metavar="NAME",
            shell_complete=offered(FORMATS),
            help="Format of ANNOTATIONS, where it is not to be guessed.",
        ),
        click.option(
            "--predictions-format",
            metavar="NAME",
            shell_complete=offered(FORMATS),
            help=f"Format of PREDICTIONS, where it is not to be guessed: {', '.join(FORMATS)}.",
        ),
        click.argument("annotations", required=False, shell_complete=offered(DATASET_SPLITS, files=True)),
        click.argument("predictions", shell_complete=offered((), files=True)),
    ):
        command = decorate(command)
    return command


root_option = click.option(
    "--root", metavar="DIR", help="The dataset's folder or one above it; else CROWDEVAL_DATA, then crowdeval.toml."
)
no_cache_option = click.option("--no-cache", is_flag=True, help="Read a dataset's files again, not from the cache.")


@dataclass(frozen=True, slots=True)
class Input:
    """What an argument names.

    Parameters
    ----------
    name : str
        The argument as it was given.
    kind : {"file", "run", "dataset", "evidence"}
        A file, a run's folder, a dataset's split, or a file of evidence.
    format : str, optional
        The format of a file, where it was named.
    about : mapping of str to str
        What is known of the origin of a run's predictions: model, revision, dataset, ...
    """

    name: str
    kind: Literal["file", "run", "dataset", "evidence"]
    format: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    def predictions(self) -> Predictions:
        """Return the predictions of a file or of a run."""
        self.require_coordinates()
        if self.kind == "dataset":
            raise UsageError(f"{self.name} is a dataset, which holds annotations; PREDICTIONS come before ANNOTATIONS")
        if self.kind == "run":
            from crowdeval.runs.folder import RunFolder, run_predictions

            return run_predictions(RunFolder(Path(self.name)))
        from crowdeval.formats import read_predictions

        return read_predictions(self.name, format=self.format)

    def annotations(self, *, root: str | None = None, cache: bool = True) -> Annotations:
        """Return the annotations of a file or of a dataset's split, warning of what a user should know."""
        self.require_coordinates()
        if self.kind == "dataset":
            from crowdeval.datasets import open_dataset

            split = open_dataset(self.name, root=root, cache=cache)
            for note in split.notes:
                warnings.warn(note, CrowdevalWarning, stacklevel=2)
            return split.annotations
        from crowdeval.formats import read_annotations

        annotations = read_annotations(self.name, format=self.format)
        if root is not None:
            warnings.warn(f"--root is ignored: {self.name} is read as a file", CrowdevalWarning, stacklevel=2)
        return annotations

    def evidence(self) -> Evidence:
        """Return the evidence in a file of it."""
        from crowdeval.evaluation.parts import read_evidence

        return read_evidence(self.name)

    def require_coordinates(self) -> None:
        """Raise UsageError for evidence: there are numbers in it, no points."""
        if self.kind == "evidence":
            raise UsageError(
                f"{self.name} is evidence, which holds no coordinates; score and leaderboard take it, alone, anything "
                "else needs the file of points"
            )


def resolved(name: str, format: str | None = None) -> Input:
    """Return what an argument names; a file takes no import to be told from the rest."""
    if name == STANDARD_STREAM and sys.stdin is None:
        raise MissingFileError("standard input can't be read: it is closed")
    if format is not None or name == STANDARD_STREAM:
        return Input(name, "file", format)
    if os.path.isdir(name):
        from crowdeval.runs.folder import RunFolder, about_run, is_run_folder

        try:
            run = is_run_folder(name)
        except OSError:  # it can't even be looked at; reading it says why
            run = False
        return Input(name, "run", about=about_run(RunFolder(Path(name)).manifest())) if run else Input(name, "file")
    if os.path.exists(name):
        from crowdeval.evaluation.parts import is_evidence

        return Input(name, "evidence" if is_evidence(name) else "file")
    from crowdeval.datasets import is_dataset_spec

    return Input(name, "dataset" if is_dataset_spec(name) else "file")


def resolved_pair(
    predictions: str, annotations: str | None, *, predictions_format: str | None, annotations_format: str | None
) -> tuple[Input, Input]:
    """Return what the two arguments name; a run's folder names its own annotations."""
    found = resolved(predictions, predictions_format)
    if annotations is None:
        found.require_coordinates()
    return found, resolved_truth(found, annotations, annotations_format)


def resolved_truth(found: Input, annotations: str | None, annotations_format: str | None) -> Input:
    """Return what ANNOTATIONS names, given PREDICTIONS; a run's folder names its own."""
    name = annotations if annotations is not None else found.about.get("dataset")
    if name is None:
        raise UsageError(f"ANNOTATIONS is missing; only a run's folder knows its dataset, and {found.name} is none")
    if found.name == name == STANDARD_STREAM:
        raise UsageError("only one of PREDICTIONS and ANNOTATIONS can be '-' (standard input)")
    return resolved(name, annotations_format)


def refuse_overwriting(inputs: Iterable[str], *outputs: str | None) -> None:
    """Raise UsageError where a file to be written is one of the inputs, or is to be written twice."""
    taken = {os.path.realpath(name): f"{name} is an input" for name in inputs if os.path.isfile(name)}
    for output in outputs:
        if output is None or output == STANDARD_STREAM:
            continue
        place = os.path.realpath(output)
        same = [name for name in taken if _same(name, place)]
        if same:
            raise UsageError(f"{output} would be overwritten: {taken[same[0]]}")
        if os.path.isfile(place) or not os.path.exists(place):
            taken[place] = f"{output} is written already"


@contextmanager
def naming(predictions: Input, annotations: Input) -> Iterator[None]:
    """Name the two inputs where they do not speak of the same images."""
    try:
        yield
    except AlignmentError as problem:
        raise AlignmentError(f"{predictions.name} against {annotations.name}: {problem}") from None


def put(text: str, output: str | None) -> None:
    """Write a result to a file, or to standard output; a file is replaced whole or not at all."""
    if output is None or output == STANDARD_STREAM:
        click.echo(text, nl=False)
        return
    from crowdeval.writing import write_file

    write_file(output, text.encode())


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return one == other
