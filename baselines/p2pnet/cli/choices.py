"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from baselines.p2pnet.config import FOLDER, Config, named, overridden
from crowdeval.cli.inputs import root_option as root_option
from crowdeval.datasets import dataset_name
from crowdeval.formats import format_for
from crowdeval.writing import require_folder

set_option = click.option(
    "--set",
    "-s",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value of the config: -s stride=4 -s precision=bf16.",
)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")


def configured(name: str | None, settings: Sequence[str], *, needed: bool) -> Config:
    """Return the config of a name or file, with settings; the paper's where none of the name ships or is needed."""
    if name is not None and not needed:
        name = dataset_name(name.partition(":")[0])
        name = name if (FOLDER / f"{name}.toml").is_file() else None
    return overridden(Config() if name is None else named(name), settings)


def rows_and_lines(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the released layout."""
    words = "of reference points in a cell, for a file of the released layout."
    command = click.option("--lines", type=click.IntRange(1), help=f"Lines {words}")(command)
    return click.option("--rows", type=click.IntRange(1), help=f"Rows {words}")(command)


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a model that predicts."""
    command = click.option(
        "--tile",
        type=click.IntRange(0),
        help="Side of a tile's core, a multiple of 16; 0: the whole image at once.  [default: 1024]",
    )(command)
    command = click.option(
        "--counting",
        type=click.Choice(["threshold", "expected"]),
        help="The count: proposals above 0.5, or the number the confidences let one expect.  [default: the model's]",
    )(command)
    command = click.option(
        "--precision",
        type=click.Choice(["float32", "bf16", "fp16"]),
        default="float32",
        show_default=True,
        help="Of the convolutions.",
    )(command)
    return rows_and_lines(command)


def writable(target: str | Path) -> None:
    """Raise, before the work, what writing predictions to a file would raise after it."""
    format_for(target)
    require_folder(target)
