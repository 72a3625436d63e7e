"""crowdeval cite: print the BibTeX of this package, of a dataset or of a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import DATASETS, completer
from crowdeval.cli.inputs import write_result
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
    `crowdeval datasets`; METRIC is a metric string, as the option --metric of `crowdeval score` takes it. Where no
    publication is known, the source is printed as a BibTeX comment.

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
    write_result(f"{bibtex_of(source) or f'% {name}: {source}'}\n", None)


def _source_of(name: str) -> str:
    """Return the source of a dataset, of the dataset of a split, or of a metric."""
    from crowdeval.datasets import DATASETS, dataset_name
    from crowdeval.metrics import METRICS, canonical
    from crowdeval.metrics.strings import Metric

    dataset = dataset_name(name.partition(":")[0])
    if dataset in DATASETS:
        return DATASETS[dataset].about.source
    # Only a name of no metric is unknown; a metric string with a wrong part gets the error of its family.
    if name.strip().partition(" ")[0].partition("@")[0].partition("[")[0].partition("(")[0] not in METRICS:
        known = [*DATASETS, *METRICS]
        raise UsageError(
            f"no dataset and no metric is called {name!r}{did_you_mean(name, known)} (known: {listed(known, most=40)})"
        )
    return _entry_of(Metric.parse(canonical(name))).source


def _entry_of(metric: Metric) -> Entry:
    """Return the line of the catalogue that a metric belongs to.

    Levels and groups have a source of their own, so they decide before the name: RMSE[S] is nearer to MAE[S] than to
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
