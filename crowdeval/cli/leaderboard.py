"""crowdeval leaderboard: rank the reports of several models."""

from __future__ import annotations

import click

from crowdeval.cli.choices import DATASET_SPLITS, DATASETS, completer
from crowdeval.cli.inputs import form_of, quiet_option, refuse_overwriting, write_result
from crowdeval.cli.talk import print_warnings, say_written, stage_progress, warn_of
from crowdeval.errors import UsageError
from crowdeval.options import LEADERBOARD_SUFFIXES as SUFFIXES
from crowdeval.options import METRICS, SEED
from crowdeval.render.leaderboard import FORMS

INSTALLED = "those installed"
"""The value of ``--published`` without a folder."""


@click.command(short_help="Rank the reports of several models, beside published numbers.")
@click.argument("paths", nargs=-1, metavar="[PATHS]...", shell_complete=completer((), files=True))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=f"File to write; its suffix is {', '.join(SUFFIXES)}.  [default: standard output]",
)
@click.option("--format", "form", type=click.Choice(list(FORMS.table)),
              help="Form of the result.  [default: by the suffix of --output, or table]")  # fmt: skip
@click.option("--by", metavar="METRIC", shell_complete=completer(METRICS),
              help="Metric to rank by.  [default: nAP, else F1, else MAE: the first that a ranking has]")  # fmt: skip
@click.option("--dataset", metavar="NAME", shell_complete=completer((*DATASETS, *DATASET_SPLITS)),
              help="Rank only this dataset, NAME or NAME:SPLIT.  [default: all datasets]")  # fmt: skip
@click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", shell_complete=completer(METRICS),
              help="Add a column with this metric; can be repeated.")  # fmt: skip
@click.option("--published", is_flag=False, flag_value=INSTALLED, metavar="[DIR]",
              help="Show published numbers too, without a rank: those that crowdeval has, or the tables (*.csv) in "
              "DIR.")  # fmt: skip
@click.option("--best", type=click.Choice(["none", "bold"]), default="none", show_default=True,
              help="Mark the best value of each column of a ranking: bold, or with * in a text table.")  # fmt: skip
@click.option("--significance", is_flag=True,
              help="Say which differences from the best model are real, and which ranks are shared. The reports need "
              "evidence or per-image tables.")  # fmt: skip
@click.option("--ci", type=float, metavar="LEVEL", help="Also show confidence intervals of this level: 0.95.")
@click.option("--seed", type=int, metavar="N", default=SEED, show_default=True,
              help="Seed of the random numbers of --significance and --ci.")  # fmt: skip
@click.option("--seeds", is_flag=True,
              help="Results of one model, whatever its revision, are seeds: one row with their mean, their spread (s) "
              "and the standard error over images.")  # fmt: skip
@quiet_option
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
    ci: float | None,
    seed: int,
    seeds: bool,
    quiet: bool,
) -> None:
    """Rank the reports of several models.

    PATHS are report files (JSON, from `crowdeval score -o report.json`), evidence files, folders of runs, or any other
    folders with reports in them. Reports are ranked together only where they have the same true points and the same
    options of the metric; all others are shown unranked, with the reason. Put --published after PATHS, or write
    --published=DIR.

    \b
    Examples:
      crowdeval leaderboard runs/
      crowdeval leaderboard a.json b.json --by MAE --format markdown
      crowdeval leaderboard runs/ -o board.html --significance --published
    """
    from crowdeval.leaderboards.build import leaderboard as build_leaderboard
    from crowdeval.leaderboards.gather import gathered
    from crowdeval.leaderboards.published import published_beside, published_results
    from crowdeval.statistics.certainty import Resampling

    resampling = Resampling(level=ci, seed=seed)
    render = FORMS[form or form_of(output, SUFFIXES)]
    _require_paths(paths, published)
    refuse_overwriting(paths, output)
    with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
        stage("reading reports")
        results, damaged = gathered(paths)
        if published is not None:
            results += published_beside(results, published_results(None if published == INSTALLED else published))
        stage("ranking")
        board = build_leaderboard(
            results, by=by, dataset=dataset, metrics=metrics, significance=significance, resampling=resampling,
            seeds=seeds,
        )  # fmt: skip
    warn_of([] if quiet else [*damaged, *board.notes])
    write_result(render(board, best=best == "bold"), output)
    say_written([] if quiet else [output])


def _require_paths(paths: tuple[str, ...], published: str | None) -> None:
    """Raise UsageError where there is nothing to rank."""
    if not paths and published is None:
        raise UsageError(
            "PATHS is missing: expected report files or folders with reports, as in crowdeval leaderboard runs/, or "
            "--published alone"
        )
