"""Options and checks that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from baselines.p2pnet.config import FOLDER, Config, load_config, with_settings
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


def choose_config(name: str | None, settings: Sequence[str], *, needed: bool) -> Config:
    """Return the config for a name, with settings.

    Parameters
    ----------
    name : str, optional
        A configuration that ships, a TOML file or, where ``needed`` is False, a dataset.
    settings : sequence of str
        ``name=value``, as for ``with_settings``.
    needed : bool
        Whether the name must be that of a configuration; otherwise the defaults are used for a dataset without one.

    Returns
    -------
    Config

    Raises
    ------
    MissingFileError, InputError, UsageError
        As ``load_config`` and ``with_settings``.

    Examples
    --------
    >>> choose_config("ucf-qnrf:train", ["stride=4"], needed=False).K
    8
    >>> choose_config("folder:photos", [], needed=False) == Config()
    True
    """
    if name is not None and not needed:
        name = dataset_name(name.partition(":")[0])
        name = name if (FOLDER / f"{name}.toml").is_file() else None
    return with_settings(Config() if name is None else load_config(name), settings)


def rows_and_lines(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options --rows and --lines of the released layout to a command.

    Parameters
    ----------
    command : callable
        The function of the command.

    Returns
    -------
    callable
        The same function with the options.

    Examples
    --------
    >>> def show(**options): ...
    >>> len(rows_and_lines(show).__click_params__)
    2
    """
    rest = "of reference points in a cell, for a file of the released layout."
    command = click.option("--lines", type=click.IntRange(1), help=f"Lines {rest}")(command)
    return click.option("--rows", type=click.IntRange(1), help=f"Rows {rest}")(command)


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a model that predicts to a command.

    Parameters
    ----------
    command : callable
        The function of the command.

    Returns
    -------
    callable
        The same function with the options.

    Examples
    --------
    >>> def show(**options): ...
    >>> len(model_options(show).__click_params__)
    5
    """
    command = click.option(
        "--tile",
        type=click.IntRange(0),
        help="Side in pixels of a tile's core, a multiple of 16; 0: the whole image at once.  [default: 1024]",
    )(command)
    command = click.option(
        "--counting",
        type=click.Choice(["threshold", "expected"]),
        help="The count: proposals above 0.5, or the expected number of people.  [default: the model's]",
    )(command)
    command = click.option(
        "--precision",
        type=click.Choice(["float32", "bf16", "fp16"]),
        default="float32",
        show_default=True,
        help="Arithmetic of the convolutions.",
    )(command)
    return rows_and_lines(command)


def check_writable(target: str | Path) -> None:
    """Raise the error that writing predictions to a file would raise, before the predictions are computed.

    Parameters
    ----------
    target : str or Path
        The file, or - for standard output.

    Raises
    ------
    UsageError
        If the suffix is not that of a format.
    MissingFileError
        If the folder of the file does not exist.

    Examples
    --------
    >>> check_writable("points.json")
    """
    format_for(target)
    require_folder(target)
