"""The options of the protocol, which score and compare share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.choices import completer
from crowdeval.cli.inputs import with_options
from crowdeval.options import AREAS, COUNT_THRESHOLD, METRICS, OFF_IMAGE, PAPER_DELTA, PAPER_K, POOLS, PRESETS

if TYPE_CHECKING:
    from crowdeval.evaluation.protocol import Protocol


def protocol_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the protocol to a command, in the order of the help text.

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
    ... @protocol_options
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params][:3]
    ['delta', 'k', 'metrics']
    """
    return with_options(command, (
        click.option("--delta", metavar="RANGE", default=PAPER_DELTA, show_default=True,
                     help="Thresholds of nAP, in units of the scale d_k: start:step:end, a list a,b,c, or one number."),
        click.option("--k", type=int, default=PAPER_K, show_default=True,
                     help="Scale d_k of a true point: the mean distance to so many nearest true points of its image."),
        click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", shell_complete=completer(METRICS),
                     help="A metric to compute, such as F1@8px; can be repeated. `crowdeval metrics` lists them."),
        click.option("--preset", metavar="NAME", shell_complete=completer(PRESETS),
                     help=f"A named list of metrics: {', '.join(PRESETS)}.  "
                          "[default: paper, or none if --metric is given]"),
        click.option("--off-image", type=click.Choice(OFF_IMAGE), default="keep", show_default=True,
                     help="Keep true points outside their image, drop them, or move them to its edge (clip)."),
        click.option("--count-threshold", type=float, default=COUNT_THRESHOLD, show_default=True,
                     help="A prediction counts as a person if its confidence is above this number."),
        click.option("--ap", type=click.Choice(AREAS), default="area", show_default=True,
                     help="Area under the precision-recall curve: of its envelope (area), without envelope (step), or "
                          "at the sampled recalls of COCO (101) or VOC 2007 (11)."),
        click.option("--pool", type=click.Choice(POOLS), default="set", show_default=True,
                     help="AP of one ranked list over all images (set), or the mean of the AP of each image (image)."),
        click.option("--lone", metavar="inf|diagonal|PIXELS", default="inf", show_default=True,
                     help="Scale d_k of a true point that is alone in its image: infinite, the image diagonal, or a "
                          "number of pixels."),
    ))  # fmt: skip


def protocol_of(options: dict[str, Any]) -> Protocol:
    """Return the protocol of the options that ``protocol_options`` adds.

    Parameters
    ----------
    options : dict
        The options by name.

    Returns
    -------
    Protocol

    Raises
    ------
    UsageError
        If a value is out of its range, or a metric is unknown.

    Examples
    --------
    >>> protocol_of({"delta": "0.5", "preset": None}).delta
    (0.5,)
    """
    from crowdeval.evaluation.protocol import Protocol

    return Protocol(**{**options, "preset": str(options["preset"] or "")})
