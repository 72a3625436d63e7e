"""The options of standard errors, confidence intervals and gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.choices import completer
from crowdeval.cli.inputs import with_options
from crowdeval.options import INTERVALS, METRICS, RESAMPLES, SEED

if TYPE_CHECKING:
    from crowdeval.statistics.certainty import Resampling


def surety_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of intervals to a command.

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
    ... @surety_options
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params]
    ['ci', 'resamples', 'seed', 'ci_method', 'exact', 'cluster', 'cluster_id']
    """
    ci = click.option("--ci", type=float, metavar="LEVEL", help="Also give confidence intervals of this level: 0.95.")
    method = click.option("--ci-method", type=click.Choice(INTERVALS), default="bootstrap-t", show_default=True,
                          help="Method of the intervals.")  # fmt: skip
    return with_options(command, (ci, *_RESAMPLES, method, *_UNITS))


def difference_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of intervals of differences to a command, which always has them and has one method.

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
    ... @difference_options
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params] == list(DIFFERENCES)
    True
    """
    ci = click.option("--ci", type=float, metavar="LEVEL", default=0.95, show_default=True,
                      help="Level of the intervals; verdicts are always at 0.95.")  # fmt: skip
    return with_options(command, (ci, *_RESAMPLES, *_UNITS))


DIFFERENCES = ("ci", "resamples", "seed", "exact", "cluster", "cluster_id")
"""The parameters that ``difference_options`` adds."""

_RESAMPLES = (
    click.option("--resamples", type=int, metavar="N", default=RESAMPLES, show_default=True,
                 help="Number of resamples of the images for intervals."),
    click.option("--seed", type=int, metavar="N", default=SEED, show_default=True,
                 help="Seed of the random numbers of resamples and tests."),
)  # fmt: skip

_UNITS = (
    click.option("--exact", is_flag=True,
                 help="Resample ranked lists without bins, which takes some 20 times as long."),
    click.option("--cluster", metavar="ATTRIBUTE", default="",
                 help="Resample images of equal ATTRIBUTE together: scenes, cameras, videos."),
    click.option("--cluster-id", metavar="REGEX", default="",
                 help="Resample images together whose ids agree in what REGEX finds in them, or in its first group."),
)  # fmt: skip


def surety_of(options: dict[str, Any]) -> Resampling:
    """Return how intervals are made; the options of ``surety_options`` are taken from the given ones.

    Parameters
    ----------
    options : dict
        The options of a command; changed in place.

    Returns
    -------
    Resampling

    Raises
    ------
    UsageError
        If a value is out of its range.

    Examples
    --------
    >>> surety_of({"ci": 0.9, "resamples": 100, "seed": 0, "ci_method": "basic", "exact": False, "cluster": "",
    ...            "cluster_id": ""}).level
    0.9
    """
    from crowdeval.statistics.certainty import Resampling

    level, method = options.pop("ci"), options.pop("ci_method")
    names = ("resamples", "seed", "exact", "cluster", "cluster_id")
    return Resampling(level=level, method=method, **{name: options.pop(name) for name in names})


GATE_NAMES = ("fail_under", "fail_over", "gate_bound", "no_worse_than", "margins")
"""The parameters that ``gate_options`` adds."""


def gate_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of gates to a command.

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
    ... @gate_options
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params]
    ['fail_under', 'fail_over', 'gate_bound', 'no_worse_than', 'margins']
    """
    complete = completer(tuple(f"{name}=" for name in METRICS))
    return with_options(command, (
        click.option("--fail-under", multiple=True, metavar="METRIC=X", shell_complete=complete,
                     help="End with exit code 10 if METRIC is below X or undefined; can be repeated."),
        click.option("--fail-over", multiple=True, metavar="METRIC=X", shell_complete=complete,
                     help="End with exit code 10 if METRIC is above X or undefined; can be repeated."),
        click.option("--gate-bound", is_flag=True,
                     help="The confidence interval decides: exit code 10 if it is beyond X, 11 if X lies in it or it "
                          "is not to be trusted."),
        click.option("--no-worse-than", metavar="BASE", shell_complete=completer((), files=True),
                     help="End with exit code 10 if a metric of --margin is surely worse than that of the system BASE "
                          "by more than the margin, 11 if that is not decided."),
        click.option("--margin", "margins", multiple=True, metavar="METRIC=M", shell_complete=complete,
                     help="How far METRIC may fall behind BASE; can be repeated."),
    ))  # fmt: skip
