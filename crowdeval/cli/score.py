"""crowdeval score: files in, a signed report out."""

from __future__ import annotations

import math
from pathlib import Path

import click

from crowdeval.cli.inputs import (
    annotations_of,
    both_inputs,
    origin_of,
    predictions_of,
    put,
    refuse_two_stdins,
    truth_for,
)
from crowdeval.cli.talk import progress, say, spoken_warnings, warn
from crowdeval.curves import AREAS
from crowdeval.errors import GateError, MissingFileError, UsageError
from crowdeval.evaluation import evaluate
from crowdeval.frame import OFF_IMAGE
from crowdeval.metrics import canonical, family_of
from crowdeval.metrics.family import Metric
from crowdeval.metrics.nap import PAPER_DELTA, POOLS
from crowdeval.protocol import PRESETS, Protocol
from crowdeval.render import RENDERERS
from crowdeval.report import Report


@click.command(short_help="Score predictions against annotations: nAP, MAE, MSE and more.")
@both_inputs
@click.option(
    "--delta", metavar="RANGE", default=PAPER_DELTA, show_default=True, help="Thresholds of nAP: a:s:b, a,b,c or a."
)
@click.option("--k", type=int, default=3, show_default=True, help="Neighbours in the scale d_k of a true point.")
@click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", help="A metric by name; repeatable.")
@click.option(
    "--preset",
    metavar="NAME",
    help=f"A named list of metrics: {', '.join(PRESETS)}.  [default: paper, or none with --metric]",
)
@click.option("--missing", type=click.Choice(["error", "empty"]), default="error", show_default=True,
              help="Annotated images without predictions: refuse, or score as no predictions.")  # fmt: skip
@click.option("--id-style", type=click.Choice(["exact", "stem"]), default="exact", show_default=True,
              help="Compare image ids as they are, or without folders and file extensions.")  # fmt: skip
@click.option("--off-image", type=click.Choice(OFF_IMAGE), default="keep", show_default=True,
              help="True points outside their image: keep, drop, or clip to its edge.")  # fmt: skip
@click.option("--count-threshold", type=float, default=0.5, show_default=True,
              help="A prediction counts as a person if its confidence is above this.")  # fmt: skip
@click.option("--ap", type=click.Choice(AREAS), default="area", show_default=True, help="Area under the curve.")
@click.option("--pool", type=click.Choice(POOLS), default="set", show_default=True,
              help="One ranked list over all images, or the mean of per-image AP.")  # fmt: skip
@click.option("--lone", metavar="inf|diagonal|PIXELS", default="inf", show_default=True,
              help="Scale of a true point that is alone in its image.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(list(RENDERERS.table)), default="table", show_default=True,
              help="Form of the result.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Write the result to FILE instead of standard output.")
@click.option("--per-image", metavar="FILE", help="Also write one row an image to FILE (.csv or .parquet).")
@click.option("--fail-under", multiple=True, metavar="METRIC=X", help="Exit with 10 if METRIC is below X; repeatable.")
@click.option("--fail-over", multiple=True, metavar="METRIC=X", help="Exit with 10 if METRIC is above X; repeatable.")
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress.")
@click.option("-b", "--brief", is_flag=True, help="Print the first metric's number and nothing else.")
def score(
    predictions: str,
    annotations: str | None,
    predictions_format: str | None,
    annotations_format: str | None,
    root: str | None,
    no_cache: bool,
    form: str,
    output: str | None,
    per_image: str | None,
    fail_under: tuple[str, ...],
    fail_over: tuple[str, ...],
    quiet: bool,
    brief: bool,
    **options: object,
) -> None:
    """Score PREDICTIONS against ANNOTATIONS.

    Both are files in any known format, .gz or not; '-' is standard input. ANNOTATIONS may also be a dataset's split,
    as in shanghaitech-a:test, and PREDICTIONS a run's folder, which knows its dataset. The result carries a signature
    that names every choice behind the numbers.

    \b
    crowdeval score preds.json gt.json
    crowdeval score preds.json shanghaitech-a:test --root ~/data
    crowdeval score preds.csv gt.json --delta 0.5 --metric nAP --fail-under nAP=0.60
    crowdeval score preds.json gt.json --format latex -o table.tex --per-image images.csv
    """
    annotations = truth_for(predictions, annotations)
    refuse_two_stdins(predictions, annotations)
    protocol = Protocol(preset=str(options.pop("preset") or ""), **options)  # type: ignore[arg-type]
    gates = [_gate(text, lowest=True) for text in fail_under] + [_gate(text, lowest=False) for text in fail_over]
    table = None if per_image is None else _table_file(per_image)
    with spoken_warnings(quiet=quiet), progress(quiet=quiet) as stage:
        stage(f"reading {predictions}")
        found = predictions_of(predictions, predictions_format)
        stage(f"reading {annotations}")
        truth = annotations_of(annotations, annotations_format, root=root, cache=not no_cache)
        report = evaluate(
            found,
            truth,
            protocol=protocol,
            per_image=table is not None,
            names=(predictions, annotations),
            about=origin_of(predictions),
            progress=stage,
        )
    if not quiet:
        for text in report.warnings:
            warn(text)
    put(f"{next(iter(report.values.values()))!r}\n" if brief else RENDERERS[form](report), output)
    if output and not quiet:
        say(f"wrote {output}")
    if table is not None:
        _write_table(report, table)
    _pass(gates, report)


Gate = tuple[str, float, bool]


def _gate(text: str, *, lowest: bool) -> Gate:
    """Read METRIC=X; refuse a bound on the wrong side of a metric."""
    name, equals, bound = text.rpartition("=")
    try:
        limit = float(bound)
    except ValueError:
        limit = math.nan
    if not equals or math.isnan(limit):
        raise UsageError(f"expected METRIC=NUMBER, as in nAP=0.60, found {text!r}")
    name = canonical(name)
    base = Metric.parse(name)
    better = next(
        (entry.better for entry in family_of(base).entries if Metric.parse(entry.string).name == base.name), ""
    )
    if lowest and better == "lower":
        raise UsageError(f"--fail-under {text}: lower {name} is better; --fail-over {text} sets an upper bound")
    if not lowest and better == "higher":
        raise UsageError(f"--fail-over {text}: higher {name} is better; --fail-under {text} sets a lower bound")
    return name, limit, lowest


def _pass(gates: list[Gate], report: Report) -> None:
    failed = []
    for name, limit, lowest in gates:
        if name not in report.values:
            raise UsageError(f"{name} has a bound and was not measured; add --metric {name!r}")
        value = report.values[name]
        if not (value >= limit if lowest else value <= limit):
            failed.append(f"{name} is {value:.6g}, {'below' if lowest else 'above'} the bound of {limit:g}")
    if failed:
        raise GateError("; ".join(failed))


def _table_file(name: str) -> Path:
    path = Path(name)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"--per-image {name}: expected a file that ends in .csv or .parquet")
    return path


def _write_table(report: Report, path: Path) -> None:
    frame = report.to_frame()
    try:
        if path.suffix.lower() == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, index=False)
    except OSError as problem:
        raise MissingFileError(f"{path}: can't be written ({problem.strerror or problem})") from None
