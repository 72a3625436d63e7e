"""Arguments and files of the commands: what an argument names, shared options, where a result is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, completer
from crowdeval.errors import UsageError
from crowdeval.options import STANDARD_STREAM

F = TypeVar("F", bound=Callable[..., Any])

root_option = click.option(
    "--root",
    metavar="DIR",
    help="Folder of the dataset, or a folder above it.  [default: the environment variable CROWDEVAL_DATA, then "
    "crowdeval.toml]",
)
no_cache_option = click.option(
    "--no-cache", is_flag=True, help="Read the annotation files of a dataset again, and not from the cache."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print no warnings and no progress.")


def with_options(command: F, options: Iterable[Callable[[F], F]]) -> F:
    """Add options to a command, in the order of its help text.

    Parameters
    ----------
    command : callable
        The function of a click command.
    options : iterable of callable
        Decorators of click.

    Returns
    -------
    callable
        The same function with the parameters of click.

    Examples
    --------
    >>> @click.command()
    ... def show(**arguments): ...
    >>> [option.name for option in with_options(show.callback, [root_option, quiet_option]).__click_params__[::-1]]
    ['root', 'quiet']
    """
    for option in reversed(list(options)):
        command = option(command)
    return command


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the user has given, and which have not their default.

    Parameters
    ----------
    options : mapping of str to object
        The values of the current command's options.

    Returns
    -------
    dict of str to object
    """
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    source = click.get_current_context().get_parameter_source
    return {name: value for name, value in options.items() if source(name) not in default}


def form_of(output: str | None, suffixes: Mapping[str, str]) -> str:
    """Return the form of a result that the suffix of its file means.

    Parameters
    ----------
    output : str or None
        The name of the file; None and ``-`` mean standard output.
    suffixes : mapping of str to str
        Suffix in lower case to form.

    Returns
    -------
    str
        ``table`` for standard output.

    Raises
    ------
    UsageError
        If the suffix means no form.

    Examples
    --------
    >>> form_of("a.md", {".md": "markdown"}), form_of(None, {})
    ('markdown', 'table')
    """
    if output is None or output == STANDARD_STREAM:
        return "table"
    suffix = os.path.splitext(output)[1].lower()
    if suffix not in suffixes:
        raise UsageError(f"-o {output}: expected a name that ends in {', '.join(suffixes)}; or add --format")
    return suffixes[suffix]


def both_inputs(command: F) -> F:
    """Add the arguments PREDICTIONS and ANNOTATIONS, and the options that say how they are read, to a command.

    Parameters
    ----------
    command : callable
        The function of a click command.

    Returns
    -------
    callable
        The same function with the parameters of click.

    Examples
    --------
    >>> @click.command()
    ... @both_inputs
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params[:2]]
    ['predictions', 'annotations']
    """
    return with_options(command, (
        click.argument("predictions", shell_complete=completer((), files=True)),
        click.argument("annotations", required=False, shell_complete=completer(DATASET_SPLITS, files=True)),
        click.option("--predictions-format", metavar="NAME", shell_complete=completer(FORMATS),
                     help=f"Format of PREDICTIONS: {', '.join(FORMATS)}.  [default: by suffix and content]"),
        click.option("--annotations-format", metavar="NAME", shell_complete=completer(FORMATS),
                     help="Format of ANNOTATIONS, one of the same names.  [default: by suffix and content]"),
        root_option,
        no_cache_option,
    ))  # fmt: skip


def refuse_overwriting(inputs: Iterable[str], *outputs: str | None) -> None:
    """Raise UsageError where an output file is an input file, or two outputs are the same file.

    Parameters
    ----------
    inputs : iterable of str
        The names of the inputs; names that are not files are ignored.
    *outputs : str or None
        The names of the output files. None and ``-`` (standard output) are ignored.

    Raises
    ------
    UsageError
        If a file would be overwritten. Links to the same file count as the same.

    Examples
    --------
    >>> refuse_overwriting(["preds.json", "gt.json"], "report.json", None)
    """
    taken = {os.path.realpath(name): f"{name} is an input" for name in inputs if os.path.isfile(name)}
    for output in outputs:
        if output is None or output == STANDARD_STREAM:
            continue
        place = os.path.realpath(output)
        same = [name for name in taken if _is_same_file(name, place)]
        if same:
            raise UsageError(f"{output} would be overwritten: {taken[same[0]]}; give another name for the output")
        if os.path.isfile(place) or not os.path.exists(place):
            taken[place] = f"{output} is another output of this command"


def write_result(text: str, output: str | None) -> None:
    """Write a result to a file or to standard output; a file is replaced as a whole or not at all.

    Parameters
    ----------
    text : str
        The result, with its last line break.
    output : str or None
        The name of the file; None and ``-`` mean standard output.

    Examples
    --------
    >>> write_result("0.6445\\n", None)
    0.6445
    """
    if output is None or output == STANDARD_STREAM:
        click.echo(text, nl=False)
        return
    from crowdeval.writing import write_file

    write_file(output, text.encode())


def _is_same_file(a: str, b: str) -> bool:
    try:
        return os.path.samefile(a, b)
    except (OSError, ValueError):
        return a == b
