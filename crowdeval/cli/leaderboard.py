"""crowdeval leaderboard: reports in, rankings out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import DATASET_SPLITS, DATASETS, offered
from crowdeval.cli.inputs import put, refuse_overwriting
from crowdeval.cli.talk import progress, say, spoken_warnings, warn
from crowdeval.errors import MissingFileError, UsageError
from crowdeval.options import LEADERBOARD_SUFFIXES as SUFFIXES
from crowdeval.options import METRICS
from crowdeval.render.leaderboard import FORMS

if TYPE_CHECKING:
    from crowdeval.leaderboards.results import Result

INSTALLED = "those installed"


@click.command(short_help="Rank reports: only what is comparable, published numbers beside.")
@click.argument("paths", nargs=-1, metavar="[PATHS]...", shell_complete=offered((), files=True))
@click.option("-o", "--output", metavar="FILE", help=f"Write to FILE: {', '.join(SUFFIXES)}.")
@click.option("--format", "form", type=click.Choice(list(FORMS.table)),
              help="Form of the result.  [default: by the suffix of FILE, or table]")  # fmt: skip
@click.option("--by", metavar="METRIC", shell_complete=offered(METRICS),
              help="Rank by METRIC.  [default: nAP, else F1, else MAE]")  # fmt: skip
@click.option("--dataset", metavar="NAME", shell_complete=offered((*DATASETS, *DATASET_SPLITS)),
              help="Only this dataset: NAME or NAME:SPLIT.")  # fmt: skip
@click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", shell_complete=offered(METRICS),
              help="One more column; repeatable.")  # fmt: skip
@click.option("--published", is_flag=False, flag_value=INSTALLED, metavar="[DIR]",
              help="Mix in published numbers: those of the literature, or the tables in DIR.")  # fmt: skip
@click.option("--best", type=click.Choice(["none", "bold"]), default="none", show_default=True,
              help="How the best of a ranking is marked.")  # fmt: skip
@click.option("--significance", is_flag=True,
              help="Test each difference from the best, where reports hold per-image tables.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress.")
def leaderboard(
    *,
    paths: tuple[str, ...],
    output: str | None,
    form: str | None,
    by: str | None,
    dataset: str | None,
    metrics: tuple[str, ...],
    published: str | None,
    best: str,
    significance: bool,
    quiet: bool,
) -> None:
    """Rank the reports in PATHS: run folders, folders of reports, or report files (JSON).

    Reports are ranked only within the same true points and the same protocol; all others are shown unranked, with the
    reason. Put --published last, or write --published=DIR.

    \b
    crowdeval leaderboard runs/
    crowdeval leaderboard runs/ -o leaderboard.html --best bold --significance --published
    crowdeval leaderboard a.json b.json --by MAE --format markdown
    """
    from crowdeval.leaderboards.build import leaderboard as ranked
    from crowdeval.leaderboards.published import beside

    render = FORMS[form or _form_of(output)]
    if not paths and published is None:
        raise UsageError("expected PATHS: folders with reports, or report files (or --published alone)")
    refuse_overwriting(paths, output)
    with spoken_warnings(quiet=quiet), progress(quiet=quiet) as stage:
        stage("reading reports")
        measured, damaged = _measured(paths)
        results = measured + ([] if published is None else beside(measured, _published(published)))
        stage("ranking")
        board = ranked(results, by=by, dataset=dataset, metrics=metrics, significance=significance)
    for text in [] if quiet else [*damaged, *board.notes]:
        warn(text)
    put(render(board, best=best == "bold"), output)
    if output and output != "-" and not quiet:
        say(f"wrote {output}")


def _measured(paths: tuple[str, ...]) -> tuple[list[Result], list[str]]:
    """Return the results below the paths and what is to be said of damaged files."""
    from crowdeval.leaderboards.report_files import find_reports
    from crowdeval.leaderboards.results import measured_results

    found = find_reports(paths)
    if paths and not found.reports:
        if found.damaged:
            raise found.damaged[0]
        raise MissingFileError(
            f"no report in {', '.join(paths)}: crowdeval score PREDICTIONS ANNOTATIONS --format json -o report.json "
            "writes one"
        )
    return measured_results(found.reports), [f"left out {problem}" for problem in found.damaged]


def _published(folder: str) -> list[Result]:
    from crowdeval.leaderboards.published import published_results

    return published_results(None if folder == INSTALLED else folder)


def _form_of(output: str | None) -> str:
    if output is None or output == "-":
        return "table"
    suffix = Path(output).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"-o {output}: expected a file that ends in {', '.join(SUFFIXES)}, or --format")
    return SUFFIXES[suffix]
