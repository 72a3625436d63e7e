"""Arguments and options that several verbs share: the two inputs, their formats, the output file."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, offered
from crowdeval.errors import AlignmentError, CrowdevalWarning, MissingFileError, UsageError

if TYPE_CHECKING:
    from crowdeval.points import Annotations, Predictions

F = TypeVar("F", bound=Callable[..., Any])

STANDARD_STREAM = "-"


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
    "--root", metavar="DIR", help="Where the dataset lies; else CROWDEVAL_DATA or crowdeval.toml."
)
no_cache_option = click.option(
    "--no-cache", is_flag=True, help="Read a dataset's files anew, whatever the cache holds."
)


def predictions_of(source: str, format: str | None = None) -> Predictions:
    """Return the predictions that an argument names: a file, or a run's folder."""
    from crowdeval.formats import read_predictions

    _require_stdin(source)
    if format is None and names_run(source):
        from crowdeval.run_folder import RunFolder, run_predictions

        return run_predictions(RunFolder(Path(source)))
    if format is None and names_dataset(source):
        raise UsageError(f"{source} is a dataset, which holds annotations; PREDICTIONS come before ANNOTATIONS")
    return read_predictions(source, format=format)


def names_run(source: str) -> bool:
    """Return whether an argument names a run's folder; for a file that takes no import."""
    if not os.path.isdir(source):
        return False
    from crowdeval.run_folder import is_run_folder

    try:
        return is_run_folder(source)
    except OSError:  # it can't even be looked at; reading it says why
        return False


def names_dataset(source: str) -> bool:
    """Return whether an argument names a dataset's split; for a file, which goes before, that takes no import."""
    if source == STANDARD_STREAM or os.path.exists(source):
        return False
    from crowdeval.datasets import is_dataset_spec

    return is_dataset_spec(source)


def origin_of(source: str) -> dict[str, str]:
    """Return what is known of the predictions an argument names: the model, revision, ... of a run's folder."""
    if not names_run(source):
        return {}
    from crowdeval.run_folder import RunFolder, about_run

    return about_run(RunFolder(Path(source)).manifest())


def truth_for(predictions: str, annotations: str | None) -> str:
    """Return the annotations' argument; a run's folder knows its own."""
    if annotations is not None:
        return annotations
    dataset = origin_of(predictions).get("dataset")
    if dataset is None:
        raise UsageError(f"ANNOTATIONS is missing; only a run's folder knows its dataset, and {predictions} is none")
    return dataset


def annotations_of(
    source: str, format: str | None = None, *, root: str | None = None, cache: bool = True
) -> Annotations:
    """Return the annotations that an argument names: a file, or a dataset's split as NAME:SPLIT."""
    from crowdeval.formats import read_annotations

    _require_stdin(source)
    if format is None and names_dataset(source):
        from crowdeval.datasets import open_dataset

        split = open_dataset(source, root=root, cache=cache)
        for note in split.notes:
            warnings.warn(note, CrowdevalWarning, stacklevel=2)
        return split.annotations
    annotations = read_annotations(source, format=format)
    if root is not None:
        warnings.warn(f"--root is ignored: {source} is read as a file", CrowdevalWarning, stacklevel=2)
    return annotations


def refuse_two_stdins(predictions: str, annotations: str) -> None:
    """Raise UsageError when both inputs are standard input."""
    if predictions == annotations == STANDARD_STREAM:
        raise UsageError("only one of PREDICTIONS and ANNOTATIONS can be '-' (standard input)")


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
def naming(predictions: str, annotations: str) -> Iterator[None]:
    """Name the two inputs where they do not speak of the same images."""
    try:
        yield
    except AlignmentError as problem:
        raise AlignmentError(f"{predictions} against {annotations}: {problem}") from None


def put(text: str, output: str | None) -> None:
    """Write a result to a file, or to standard output; a file is replaced whole or not at all."""
    if output is None or output == STANDARD_STREAM:
        click.echo(text, nl=False)
        return
    from crowdeval.formats.target import write_file

    write_file(output, text.encode())


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return one == other


def _require_stdin(source: str) -> None:
    if source == STANDARD_STREAM and sys.stdin is None:
        raise MissingFileError("standard input can't be read: it is closed")
