"""crowdeval score: files in, a signed report out."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.choices import offered
from crowdeval.cli.inputs import Input, both_inputs, naming, put, refuse_overwriting, resolved_pair
from crowdeval.cli.talk import progress, say, spoken_warnings, warn
from crowdeval.errors import NeedsError, UsageError
from crowdeval.options import (
    AREAS,
    COUNT_THRESHOLD,
    ID_STYLES,
    METRICS,
    MISSING,
    OFF_IMAGE,
    PAPER_DELTA,
    PAPER_K,
    POOLS,
    PRESETS,
    REPORT_SUFFIXES,
)
from crowdeval.render import RENDERERS

if TYPE_CHECKING:
    from crowdeval.evaluation.protocol import Protocol
    from crowdeval.evaluation.report import Report


_BOUNDS = tuple(f"{name}=" for name in METRICS)


def protocol_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the protocol, in the order of the help text."""
    for option in reversed((
        click.option("--delta", metavar="RANGE", default=PAPER_DELTA, show_default=True,
                     help="Thresholds of nAP: a:s:b, a,b,c or a."),
        click.option("--k", type=int, default=PAPER_K, show_default=True,
                     help="Neighbours in the scale d_k of a true point."),
        click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", shell_complete=offered(METRICS),
                     help="A metric by name; repeatable."),
        click.option("--preset", metavar="NAME", shell_complete=offered(PRESETS),
                     help=f"A named list of metrics: {', '.join(PRESETS)}.  [default: paper, or none with --metric]"),
        click.option("--missing", type=click.Choice(MISSING), default="error", show_default=True,
                     help="Annotated images without predictions: refuse, or score as no predictions."),
        click.option("--id-style", type=click.Choice(ID_STYLES), default="exact", show_default=True,
                     help="Compare image ids as they are, or without folders and file extensions."),
        click.option("--off-image", type=click.Choice(OFF_IMAGE), default="keep", show_default=True,
                     help="True points outside their image: keep, drop, or clip to its edge."),
        click.option("--count-threshold", type=float, default=COUNT_THRESHOLD, show_default=True,
                     help="A prediction counts as a person if its confidence is above this."),
        click.option("--ap", type=click.Choice(AREAS), default="area", show_default=True,
                     help="Area under the curve."),
        click.option("--pool", type=click.Choice(POOLS), default="set", show_default=True,
                     help="One ranked list over all images, or the mean of per-image AP."),
        click.option("--lone", metavar="inf|diagonal|PIXELS", default="inf", show_default=True,
                     help="Scale of a true point that is alone in its image."),
    )):  # fmt: skip
        command = option(command)
    return command


def protocol_of(options: dict[str, Any]) -> Protocol:
    """Return the protocol of the options that ``protocol_options`` adds."""
    from crowdeval.evaluation.protocol import Protocol

    return Protocol(**{**options, "preset": str(options["preset"] or "")})


@click.command(short_help="Score predictions against annotations: nAP, MAE, MSE and more.")
@both_inputs
@protocol_options
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
    *,
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
    **options: Any,
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

    found, truth = resolved_pair(
        predictions, annotations, predictions_format=predictions_format, annotations_format=annotations_format
    )
    refuse_overwriting((found.name, truth.name), output, per_image)
    protocol = protocol_of(options)
    gates = gates_of(fail_under, fail_over, protocol)
    render = _brief if brief else RENDERERS[form or _form_of(output)]
    table = None if per_image is None else _table_file(per_image)
    report = _scored(found, truth, protocol, root=root, cache=not no_cache, per_image=table is not None, quiet=quiet)
    if table is not None:
        _write_table(report, table)
    put(render(report), output)
    if output and output != "-" and not quiet:
        say(f"wrote {output}")
    enforce(gates, report)


def _scored(
    found: Input, truth: Input, protocol: Protocol, *, root: str | None, cache: bool, per_image: bool, quiet: bool
) -> Report:
    """Read both inputs and score them, saying what is done and what there is to warn of."""
    from crowdeval.evaluation.evaluate import evaluate

    with spoken_warnings(quiet=quiet), progress(quiet=quiet) as stage:
        stage(f"reading {found.name}")
        predictions = found.predictions()
        stage(f"reading {truth.name}")
        annotations = truth.annotations(root=root, cache=cache)
        with naming(found, truth):
            report = evaluate(
                predictions,
                annotations,
                protocol=protocol,
                per_image=per_image,
                names=(found.name, truth.name),
                about=found.about,
                progress=stage,
            )
    for text in [] if quiet else report.warnings:
        warn(text)
    return report


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
    from crowdeval.writing import require_folder

    require_folder(path)
    return path


def _write_table(report: Report, path: Path) -> None:
    from crowdeval.writing import write_file

    frame = report.to_frame()
    if path.suffix.lower() == ".csv":
        write_file(path, frame.to_csv(index=False).encode())
        return
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    write_file(path, content.getvalue())
