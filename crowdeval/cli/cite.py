"""crowdeval cite: print the BibTeX of this package, of a dataset or of a metric."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import DATASETS, completer
from crowdeval.cli.inputs import write_result
from crowdeval.cli.talk import say
from crowdeval.errors import UsageError, did_you_mean, listed
from crowdeval.options import METRICS

if TYPE_CHECKING:
    from crowdeval.metrics.family import Entry
    from crowdeval.metrics.strings import Metric


@click.command(short_help="Print the BibTeX of crowdeval, of a dataset or of a metric.")
@click.argument("name", required=False, metavar="[DATASET|METRIC]", shell_complete=completer((*DATASETS, *METRICS)))
def cite(name: str | None) -> None:
    """Print the BibTeX of the publication that a dataset or a metric is from.

    Without an argument, print the BibTeX of crowdeval and of the paper that defines nAP. DATASET is a name of
    `crowdeval datasets`; METRIC is a metric string, as the option --metric of `crowdeval score` takes it, or its
    name alone. Where no publication is known, the BibTeX is that of crowdeval, and a line on standard error says so.

    \b
    Examples:
      crowdeval cite
      crowdeval cite shanghaitech-a
      crowdeval cite "MAE by jhu_level" >> references.bib
    """
    from crowdeval.citations import SONG, TOOL, bibtex_of

    if name is None:
        write_result(f"{TOOL}\n\n{SONG.bibtex}\n", None)
        return
    source = _source_of(name)
    entries = bibtex_of(source)
    if not entries:
        say(f"{name}: no publication is known (source: {source}); this is the BibTeX of crowdeval")
    write_result(f"{entries or TOOL}\n", None)


def _source_of(name: str) -> str:
    """Return the source of a dataset, of the dataset of a split, or of a metric."""
    from crowdeval.datasets import DATASETS, dataset_name
    from crowdeval.metrics import METRICS, canonical
    from crowdeval.metrics.strings import Metric

    dataset = dataset_name(name.partition(":")[0])
    if dataset in DATASETS:
        return DATASETS[dataset].about.source
    if name in METRICS:  # F1 alone is not a metric string, as it lacks a radius, but it has a source
        return _entry_of(Metric(name=name)).source
    if re.split(r"[@(\[ ]", name.strip())[0] not in METRICS:
        known = [*DATASETS, *METRICS]
        raise UsageError(
            f"no dataset and no metric is called {name!r}{did_you_mean(name, known)} (known: {listed(known, most=40)})"
        )
    return _entry_of(Metric.parse(canonical(name))).source


def _entry_of(metric: Metric) -> Entry:
    """Return the line of the catalogue that a metric belongs to.

    Levels and groups have a source of their own, so they decide before the name: RMSE[S] belongs to MAE[S], not to
    RMSE.
    """
    from crowdeval.metrics import family_of
    from crowdeval.metrics.strings import Metric

    def likeness(entry: Entry) -> tuple[bool, ...]:
        other = Metric.parse(entry.string)
        return (
            other == metric,
            other.level == metric.level,
            (other.by is None) == (metric.by is None),
            other.name == metric.name,
            str(other.at).endswith("px") == str(metric.at).endswith("px"),
        )

    return max(family_of(metric).entries, key=likeness)
