"""The options that say what is done to the two sides before they are scored, and the files that they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crowdeval.cli.inputs import with_options
from crowdeval.options import EXTRA, ID_STYLES, MISSING

if TYPE_CHECKING:
    from crowdeval.evaluation.preparation import Preparation

F = TypeVar("F", bound=Callable[..., Any])

_FRAME = click.option(
    "--frame",
    metavar="STEPS",
    default="",
    help="Coordinates of the predictions, where they are not pixels of the image, x right and y down: steps separated "
    "by commas, of yx, y-up, x-left, normalized, percent, permille, WxH, max-side:N, stride:N, scale:S, shift:DX:DY.",
)
_PREPARING = {
    "missing": click.option("--missing", type=click.Choice(MISSING), default="error", show_default=True,
                 help="Annotated images without predictions: an error, or scored as having no points (empty)."),
    "extra": click.option("--extra", type=click.Choice(EXTRA), default="error", show_default=True,
                 help="Predicted images that are not annotated: an error, or left out (ignore)."),
    "id_style": click.option("--id-style", type=click.Choice(ID_STYLES), default="exact", show_default=True,
                 help="Compare image ids as they are (exact), without folders and file extensions (stem), so in any "
                      "case (caseless), by the number in them, or numbers as ranks in text order (string-rank)."),
    "id_map": click.option("--id-map", metavar="FILE",
                 help="File with an id of PREDICTIONS, a comma or tab, and an id of ANNOTATIONS in every line."),
    "only": click.option("--only", metavar="LIST",
                 help="Score only these images: a file with an id or a name in every line."),
    "images": click.option("--images", metavar="DIR|LIST",
                 help="The images there are: their folder, or a file that lists them. Gives sizes to files that need "
                      "them; a listed image that PREDICTIONS lack has none."),
    "label": click.option("--class", "label", metavar="NAME", default="", help="Score the points of one class."),
    "frame": _FRAME,
}  # fmt: skip


def preparing_options(command: F) -> F:
    """Add the options that say what is done to the two sides before they are scored.

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
    ... @preparing_options
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params]
    ['missing', 'extra', 'id_style', 'id_map', 'only', 'images', 'label', 'frame']
    """
    return with_options(command, _PREPARING.values())


def meeting_options(command: F) -> F:
    """Add the options that say how images meet, for commands with several predictions.

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
    ... @meeting_options
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params] == list(MEETING)
    True
    """
    return with_options(command, (_PREPARING[name] for name in MEETING))


MEETING = ("missing", "extra", "id_style", "label")
"""The parameters that ``meeting_options`` adds."""


def read_id_map(file: str | None) -> dict[str, str]:
    """Read a file with an id of the predictions and an id of the annotations in every line.

    Parameters
    ----------
    file : str or None
        The file: two cells separated by a comma, a semicolon, a tab or blanks, or a JSON object; None for no map.

    Returns
    -------
    dict of str to str

    Raises
    ------
    FormatError
        If a line has not two cells, or an id of the predictions stands twice.

    Examples
    --------
    >>> read_id_map(None)
    {}
    """
    if file is None:
        return {}
    from crowdeval.formats.source import read_source

    source = read_source(file)
    if source.data.lstrip().startswith(b"{"):
        from crowdeval.formats.json_text import parse_source

        value = parse_source(source)
        if value.repeated or not all(isinstance(name, str) for name in value.values()):
            raise source.error("an object of ids by ids, each once", "another one")
        return dict(value)
    pairs: dict[str, str] = {}
    for line, text in enumerate(source.text().splitlines(), start=1):
        cells = re.split(r"\s*[,;\t]\s*", text.strip()) if re.search(r"[,;\t]", text) else text.split()
        if (
            not text.strip()
            or text.startswith("#")
            or [cell.lower() for cell in cells] == ["predictions", "annotations"]
        ):
            continue
        if len(cells) != 2 or not all(cells):
            raise source.error("an id of PREDICTIONS and an id of ANNOTATIONS", repr(text), line=line)
        if cells[0] in pairs:
            raise source.error("every id of PREDICTIONS once", f"{cells[0]!r} a second time", line=line)
        pairs[cells[0]] = cells[1]
    return pairs


def preparation_of(options: Mapping[str, Any]) -> Preparation:
    """Return the ``Preparation`` of the values of ``preparing_options``.

    Parameters
    ----------
    options : mapping of str to object
        The options by name.

    Returns
    -------
    Preparation

    Examples
    --------
    >>> preparation_of({"frame": "yx", "label": "", "id_map": None, "extra": "error", "only": None}).frame
    'yx'
    """
    from crowdeval.evaluation.preparation import Preparation
    from crowdeval.formats import read_image_list

    only = options["only"]
    return Preparation(
        frame=options["frame"],
        label=options["label"],
        id_map=read_id_map(options["id_map"]),
        extra=options["extra"],
        only=None if only is None else read_image_list(only).names,
    )
