"""Arguments and options that several verbs share: the two inputs, their formats, the output file."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from crowdeval.datasets import is_dataset_spec, open_dataset
from crowdeval.errors import CrowdevalWarning, UsageError
from crowdeval.formats import FORMATS, read_annotations, read_predictions
from crowdeval.formats.target import write_file
from crowdeval.points import Annotations, Predictions
from crowdeval.run_folder import RunFolder, about_run, is_run_folder, run_predictions

F = TypeVar("F", bound=Callable[..., Any])

FORMAT_NAMES = list(FORMATS.table)


def both_inputs(command: F) -> F:
    """Add the arguments PREDICTIONS and ANNOTATIONS and the options that name their formats."""
    for decorate in (
        click.option("--no-cache", is_flag=True, help="Read a dataset's files anew, whatever the cache holds."),
        click.option("--root", metavar="DIR", help="Where the dataset lies; else CROWDEVAL_DATA or crowdeval.toml."),
        click.option(
            "--annotations-format", metavar="NAME", help="Format of ANNOTATIONS, where it is not to be guessed."
        ),
        click.option(
            "--predictions-format",
            metavar="NAME",
            help=f"Format of PREDICTIONS, where it is not to be guessed: {', '.join(FORMAT_NAMES)}.",
        ),
        click.argument("annotations", required=False),
        click.argument("predictions"),
    ):
        command = decorate(command)
    return command


def predictions_of(source: str, format: str | None = None) -> Predictions:
    """Return the predictions that an argument names: a file, or a run's folder."""
    if format is None and is_run_folder(source):
        return run_predictions(RunFolder(Path(source)))
    return read_predictions(source, format=format)


def origin_of(source: str) -> dict[str, str]:
    """Return what is known of the predictions an argument names: the model, revision, ... of a run's folder."""
    return about_run(RunFolder(Path(source)).manifest()) if is_run_folder(source) else {}


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
    if format is None and is_dataset_spec(source):
        split = open_dataset(source, root=root, cache=cache)
        for note in split.notes:
            warnings.warn(note, CrowdevalWarning, stacklevel=2)
        return split.annotations
    return read_annotations(source, format=format)


def refuse_two_stdins(predictions: str, annotations: str) -> None:
    """Raise UsageError when both inputs are standard input."""
    if predictions == annotations == "-":
        raise UsageError("only one of PREDICTIONS and ANNOTATIONS can be '-' (standard input)")


def put(text: str, output: str | None) -> None:
    """Write a result to a file, or to standard output; a file is replaced whole or not at all."""
    if output is None or output == "-":
        click.echo(text, nl=False)
    else:
        write_file(output, text.encode())
