"""crowdeval score: files in, a signed report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import (
    AREAS,
    ID_STYLES,
    METRICS,
    MISSING,
    OFF_IMAGE,
    PAPER_DELTA,
    POOLS,
    PRESETS,
    REPORT_SUFFIXES,
    offered,
)
from crowdeval.cli.inputs import (
    annotations_of,
    both_inputs,
    naming,
    origin_of,
    predictions_of,
    put,
    refuse_overwriting,
    refuse_two_stdins,
    truth_for,
)
from crowdeval.cli.talk import progress, say, spoken_warnings, warn
from crowdeval.errors import MissingFileError, NeedsError, UsageError
from crowdeval.render import RENDERERS

if TYPE_CHECKING:
    from crowdeval.report import Report


_BOUNDS = tuple(f"{name}=" for name in METRICS)


@click.command(short_help="Score predictions against annotations: nAP, MAE, MSE and more.")
@both_inputs
@click.option(
    "--delta", metavar="RANGE", default=PAPER_DELTA, show_default=True, help="Thresholds of nAP: a:s:b, a,b,c or a."
)
@click.option("--k", type=int, default=3, show_default=True, help="Neighbours in the scale d_k of a true point.")
@click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", shell_complete=offered(METRICS),
              help="A metric by name; repeatable.")  # fmt: skip
@click.option(
    "--preset",
    metavar="NAME",
    shell_complete=offered(PRESETS),
    help=f"A named list of metrics: {', '.join(PRESETS)}.  [default: paper, or none with --metric]",
)
@click.option("--missing", type=click.Choice(MISSING), default="error", show_default=True,
              help="Annotated images without predictions: refuse, or score as no predictions.")  # fmt: skip
@click.option("--id-style", type=click.Choice(ID_STYLES), default="exact", show_default=True,
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
@click.option("--format", "form", type=click.Choice(list(RENDERERS.table)),
              help="Form of the result.  [default: by the suffix of --output, or table]")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Write the result to FILE instead of standard output.")
@click.option("--per-image", metavar="FILE", help="Also write one row an image to FILE (.csv or .parquet).")
@click.option("--fail-under", multiple=True, metavar="METRIC=X", shell_complete=offered(_BOUNDS),
              help="Exit with 10 if METRIC is below X; repeatable.")  # fmt: skip
@click.option("--fail-over", multiple=True, metavar="METRIC=X", shell_complete=offered(_BOUNDS),
              help="Exit with 10 if METRIC is above X; repeatable.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress.")
@click.option("-b", "--brief", is_flag=True, help="Print the first metric's number and nothing else.")
def score(
    predictions: str,
    annotations: str | None,
    predictions_format: str | None,
    annotations_format: str | None,
    root: str | None,
    no_cache: bool,
    form: str | None,
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
    from crowdeval.cli.gates import enforce, gates_of
    from crowdeval.evaluation import evaluate
    from crowdeval.protocol import Protocol

    annotations = truth_for(predictions, annotations)
    refuse_two_stdins(predictions, annotations)
    refuse_overwriting((predictions, annotations), output, per_image)
    protocol = Protocol(preset=str(options.pop("preset") or ""), **options)  # type: ignore[arg-type]
    gates = gates_of(fail_under, fail_over, protocol)
    render = _brief if brief else RENDERERS[form or _form_of(output)]
    table = None if per_image is None else _table_file(per_image)
    with spoken_warnings(quiet=quiet), progress(quiet=quiet) as stage:
        stage(f"reading {predictions}")
        found = predictions_of(predictions, predictions_format)
        stage(f"reading {annotations}")
        truth = annotations_of(annotations, annotations_format, root=root, cache=not no_cache)
        with naming(predictions, annotations):
            report = evaluate(
                found,
                truth,
                protocol=protocol,
                per_image=table is not None,
                names=(predictions, annotations),
                about=origin_of(predictions),
                progress=stage,
            )
    for text in [] if quiet else report.warnings:
        warn(text)
    if table is not None:
        _write_table(report, table)
    put(render(report), output)
    if output and output != "-" and not quiet:
        say(f"wrote {output}")
    enforce(gates, report)


def _brief(report: Report) -> str:
    """Return the number of the first metric asked for; never that of another one."""
    first = report.protocol.all_metrics[0]
    for name, value in report.values.items():
        if name == first or name.startswith((f"{first}@", f"{first}=")):
            return f"{value!r}\n"
        break
    raise NeedsError("\n".join([f"--brief prints {first}, which has no value on these data", *report.warnings]))


def _form_of(output: str | None) -> str:
    """Return the form that goes with a file's suffix; a table where there is none."""
    suffixes = [suffix.lower() for suffix in Path(output or "").suffixes]
    suffix = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    if suffix and suffix not in REPORT_SUFFIXES:
        raise UsageError(f"-o {output}: expected a file that ends in {', '.join(REPORT_SUFFIXES)}, or --format")
    return REPORT_SUFFIXES.get(suffix, "table")


def _table_file(name: str) -> Path:
    path = Path(name)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"--per-image {name}: expected a file that ends in .csv or .parquet")
    if not path.parent.is_dir():
        raise MissingFileError(f"{path} can't be written: there is no folder {path.parent}")
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
