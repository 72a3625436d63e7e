"""crowdeval score: files in, a signed report out."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from crowdeval.cli.choices import offered
from crowdeval.cli.inputs import Input, both_inputs, naming, put, refuse_overwriting, resolved, resolved_truth
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
    from crowdeval.metrics.evidence import Evidence


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
@click.option(
    "--evidence",
    metavar="FILE",
    help="Also write what the numbers are made from to FILE (.arrow), to be scored on without the points.",
)
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
    evidence: str | None,
    fail_under: tuple[str, ...],
    fail_over: tuple[str, ...],
    quiet: bool,
    brief: bool,
    **options: Any,
) -> None:
    """Score PREDICTIONS against ANNOTATIONS.

    Both are files in any known format, .gz or not; '-' is standard input. ANNOTATIONS may also be a dataset's split,
    as in shanghaitech-a:test, and PREDICTIONS a run's folder, which knows its dataset, or evidence, which holds both
    sides. The result carries a signature that names every choice behind the numbers.

    \b
    crowdeval score preds.json gt.json
    crowdeval score preds.json shanghaitech-a:test --root ~/data
    crowdeval score preds.csv gt.json --delta 0.5 --metric nAP --fail-under nAP=0.60
    crowdeval score preds.json gt.json --format latex -o table.tex --per-image images.csv
    crowdeval score preds.json gt.json -o report.json --evidence evidence.arrow
    crowdeval score evidence.arrow --ap coco101
    """
    from crowdeval.cli.gates import enforce, gates_of

    found = resolved(predictions, predictions_format)
    source = _Source.of(found, annotations, annotations_format, root=root, cache=not no_cache)
    refuse_overwriting(source.files, output, per_image, evidence)
    protocol = source.protocol(options)
    gates = gates_of(fail_under, fail_over, protocol)
    render = _brief if brief else RENDERERS[form or _form_of(output)]
    table = None if per_image is None else _file_of("--per-image", per_image, (".csv", ".parquet"))
    kept = None if evidence is None else _file_of("--evidence", evidence, (".arrow",))
    report, columns = source.scored(protocol, per_image=table is not None, part=kept is not None, quiet=quiet)
    for text in [] if quiet else report.warnings:
        warn(text)
    if kept is not None:
        report = _with_evidence(report, columns, kept, output)
    if table is not None:
        _write_table(report, table)
    put(render(report), output)
    for name in [] if quiet else [output, evidence]:
        if name and name != "-":
            say(f"wrote {name}")
    enforce(gates, report)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a report comes from: two inputs, or evidence alone."""

    found: Input
    truth: Input | None = None
    evidence: Evidence | None = None
    root: str | None = None
    cache: bool = True

    @classmethod
    def of(
        cls, found: Input, annotations: str | None, annotations_format: str | None, *, root: str | None, cache: bool
    ) -> _Source:
        """Return the source that the arguments name; evidence stands alone, and is read at once."""
        if found.kind != "evidence":
            return cls(found, resolved_truth(found, annotations, annotations_format), root=root, cache=cache)
        if annotations is not None:
            raise UsageError(f"{found.name} is evidence, which holds both sides: leave out {annotations}")
        return cls(found, evidence=found.evidence())

    @property
    def files(self) -> list[str]:
        return [self.found.name, *([] if self.truth is None else [self.truth.name])]

    def protocol(self, options: dict[str, Any]) -> Protocol:
        """Return the protocol of the options; of evidence its own one, but for the options that are given."""
        if self.evidence is None:
            return protocol_of(options)
        from crowdeval.evaluation.protocol import Protocol

        context = click.get_current_context()
        given = {
            name: value
            for name, value in options.items()
            if context.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
        }
        if {"preset", "metrics"} & given.keys():
            given = {"preset": "", "metrics": ()} | given
            given["preset"] = given["preset"] or ""
        return replace(Protocol.parse(self.evidence.signature), **given)

    def scored(self, protocol: Protocol, *, per_image: bool, part: bool, quiet: bool) -> tuple[Report, Evidence]:
        """Read and score, saying what is done; return the report and the evidence behind it."""
        from crowdeval.evaluation.evaluate import report_and_evidence, report_of

        if self.evidence is not None:
            return report_of(self.evidence, protocol=protocol, per_image=per_image, part=part), self.evidence
        assert self.truth is not None, "of() has seen to one or the other"
        with spoken_warnings(quiet=quiet), progress(quiet=quiet) as stage:
            stage(f"reading {self.found.name}")
            predictions = self.found.predictions()
            stage(f"reading {self.truth.name}")
            annotations = self.truth.annotations(root=self.root, cache=self.cache)
            with naming(self.found, self.truth):
                return report_and_evidence(
                    predictions,
                    annotations,
                    protocol=protocol,
                    per_image=per_image,
                    names=(self.found.name, self.truth.name),
                    about=self.found.about,
                    part=part,
                    progress=stage,
                )


def _with_evidence(report: Report, evidence: Evidence, path: Path, output: str | None) -> Report:
    """Write evidence; return the report that names its file, as seen from the report's own folder."""
    from crowdeval.evaluation.parts import write_evidence
    from crowdeval.evaluation.report import EvidenceFile

    digest = write_evidence(evidence, path)
    folder = "." if output in (None, "-") else os.path.dirname(str(output)) or "."
    return replace(report, evidence=EvidenceFile(Path(os.path.relpath(path, folder)).as_posix(), digest))


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


def _file_of(option: str, name: str, suffixes: Sequence[str]) -> Path:
    path = Path(name)
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{option} {name}: expected a file that ends in {' or '.join(suffixes)}")
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
