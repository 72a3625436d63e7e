"""crowdeval metrics: list the metrics, print the specification of one."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import completer
from crowdeval.cli.inputs import write_result
from crowdeval.options import METRICS as NAMES
from crowdeval.options import PRESETS

if TYPE_CHECKING:
    from crowdeval.metrics.family import Entry, Family, Measuring

ARROWS = {"higher": "up", "lower": "down", "zero": "to 0"}

NARROWEST, WHOLE = 60, 1000
"""Characters a line: the minimum on a terminal, and the number where the output is not a terminal."""


@click.command(short_help="List the metrics, or print the specification of one.")
@click.argument("name", required=False, shell_complete=completer(NAMES))
def metrics(name: str | None) -> None:
    """List the metrics and the presets; with NAME, print the specification of that metric.

    NAME is a metric string, as the option --metric of `crowdeval score` takes it. A specification has the definition,
    its source, and each difference from the official script.

    \b
    Examples:
      crowdeval metrics
      crowdeval metrics F1@sigma_l
    """
    write_result(_catalogue() if name is None else _specification(name), None)


def _entries() -> list[Entry]:
    """Return the lines of the catalogue, family by family."""
    from crowdeval.metrics import METRICS

    families: list[Family | Measuring] = []
    for name in METRICS:
        if not any(METRICS[name] is family for family in families):
            families.append(METRICS[name])
    return [entry for family in families for entry in family.entries]


def _catalogue() -> str:
    """Return the tables of metrics and presets."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("metric", "better", "unit", "what it is", "source"):
        table.add_column(column, no_wrap=column in ("metric", "better", "unit"))
    for entry in _entries():
        table.add_row(entry.string, ARROWS[entry.better], entry.unit, entry.title, entry.source)
    presets = Table.grid(padding=(0, 2))
    for preset, names in PRESETS.items():
        presets.add_row(preset, ", ".join(names) or "only what --metric names")
    console = Console(highlight=False, markup=False, width=_width())
    with console.capture() as capture:
        console.print(table)
        console.print(
            "\nAfter @ comes a threshold: 0.25 (delta), 8px, sigma_l, sigma_s, or a range start:step:end.\n\nPresets"
        )
        console.print(presets)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _width() -> int:
    from rich.console import Console

    return max(NARROWEST, Console().width) if sys.stdout.isatty() else WHOLE


def _specification(name: str) -> str:
    """Return the module docstring of a metric's family as plain text."""
    from crowdeval.metrics import family_of
    from crowdeval.metrics.strings import Metric

    family = family_of(Metric.parse(name))
    text = inspect.getdoc(sys.modules[type(family).__module__]) or ""
    return f"{text.replace(chr(92) + '|', '|').replace('``', '')}\n"
