"""crowdeval score: score predictions against annotations and write a report with its signature."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.inputs import both_inputs, given_options, quiet_option, refuse_overwriting, write_result
from crowdeval.cli.preparing import preparation_of, preparing_options
from crowdeval.cli.protocol_options import protocol_of, protocol_options
from crowdeval.cli.surety import GATE_NAMES, gate_options, surety_of, surety_options
from crowdeval.cli.talk import print_warnings, say_written, stage_progress, warn_of
from crowdeval.errors import NeedsError, UsageError
from crowdeval.options import REPORT_SUFFIXES
from crowdeval.render import RENDERERS
from crowdeval.sources import Input, folder_id_style, names_in_errors, resolve_annotations, resolve_input

if TYPE_CHECKING:
    from crowdeval.evaluation.protocol import Protocol
    from crowdeval.evaluation.report import Report
    from crowdeval.formats import Images
    from crowdeval.metrics.evidence import Evidence


@click.command(short_help="Score predictions against annotations: nAP, MAE, MSE and more.")
@both_inputs
@preparing_options
@protocol_options
@surety_options
@click.option("--format", "form", type=click.Choice(list(RENDERERS.table)),
              help="Form of the result.  [default: by the suffix of --output, or table]")  # fmt: skip
@click.option("--name", metavar="MODEL", default="", help="Name of the model in reports and leaderboards.  [default: "
              "that of the run, or of the file without suffix]")  # fmt: skip
@click.option("--selected-on", metavar="SPLIT", default="", help="Split on which the model was selected, for "
              "leaderboards: val, or test where it was the tested one.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="File to write the result to.  [default: standard output]")
@click.option("--per-image", metavar="FILE", help="Also write a table with one row for each image (.csv or .parquet).")
@click.option(
    "--evidence",
    metavar="FILE",
    help="Also write the hits, errors and confidences of each image to FILE (.arrow); `crowdeval score FILE` computes "
    "the same numbers from it without the points.",
)
@gate_options
@quiet_option
@click.option("-b", "--brief", is_flag=True, help="Print only the number of the first metric.")
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
    quiet: bool,
    brief: bool,
    **options: Any,
) -> None:
    """Score PREDICTIONS against ANNOTATIONS.

    Both are files in a known format, also as .gz; '-' is standard input. ANNOTATIONS can also be a split of a dataset,
    such as shanghaitech-a:test. ANNOTATIONS can be left out where PREDICTIONS is the folder of a run, which knows its
    dataset, or an evidence file, which holds both sides. The result has a signature, which names every option behind
    the numbers.

    \b
    Examples:
      crowdeval score preds.json gt.json
      crowdeval score preds.json shanghaitech-a:test --root ~/data
      crowdeval score preds.csv gt.json --metric nAP@0.5 --fail-under nAP@0.5=0.60
      crowdeval score preds.json gt.json -o report.json --per-image images.csv
      crowdeval score preds.json gt.json -o report.json --evidence evidence.arrow
      crowdeval score evidence.arrow --ap coco101
      crowdeval score preds.json gt.json --frame yx,max-side:1024
      crowdeval score preds.json gt.json --ci 0.95 --seed 1
    """
    from crowdeval.api import with_certainty
    from crowdeval.cli.gates import Gates

    first = resolve_input(predictions, predictions_format)
    preparing = {name: options.pop(name) for name in ("frame", "label", "id_map", "extra", "only", "images")}
    surety, gating = surety_of(options), {name: options.pop(name) for name in GATE_NAMES}
    source = _Source.of(first, annotations, annotations_format, root=root, cache=not no_cache).told(options)
    refuse_overwriting(source.files, output, per_image, evidence)
    protocol = source.protocol(options)
    gates = Gates.of(gating, protocol)
    render = _brief if brief else RENDERERS[form or _form_of(output)]
    table = _output_path("--per-image", per_image, (".csv", ".parquet"))
    kept = _output_path("--evidence", evidence, (".arrow",))
    parts = _Parts(per_image=table is not None, part=kept is not None, groups=surety.groups)
    report, columns = source.evaluate(protocol, parts, preparing=preparing, quiet=quiet)
    report = report if brief and not gates.by_interval else with_certainty(report, columns, gates.surety(surety))
    warn_of([] if quiet else report.warnings)
    report = report if kept is None else _with_evidence(report, columns, kept, output)
    _write_table(report, table)
    write_result(render(report), output)
    say_written([] if quiet else [output, evidence])
    gates.enforce(report, columns, surety, lambda base: source.of_base(base).evaluate(
        protocol, parts, preparing=preparing, quiet=quiet))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is wanted beside the values: a per-image table, evidence of a part of a set, attributes in evidence."""

    per_image: bool
    part: bool
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Source:
    """The inputs of a report: predictions and annotations, or an evidence file alone."""

    predictions: Input
    annotations: Input | None = None
    evidence: Evidence | None = None
    root: str | None = None
    cache: bool = True

    @classmethod
    def of(
        cls,
        predictions: Input,
        annotations: str | None,
        annotations_format: str | None,
        *,
        root: str | None,
        cache: bool,
    ) -> _Source:
        """Return the source that the arguments name; an evidence file is read at once."""
        if predictions.kind != "evidence":
            truth = resolve_annotations(predictions, annotations, annotations_format)
            return cls(predictions, truth, root=root, cache=cache)
        if annotations is not None:
            raise UsageError(f"{predictions.name} is evidence, which holds both sides: leave out {annotations}")
        return cls(predictions, evidence=predictions.evidence())

    def told(self, options: dict[str, Any]) -> _Source:
        """Return the source with what the user says of the model, which is taken from the options."""
        about = {"model": options.pop("name"), "selected_on": options.pop("selected_on")}
        given = {name: text for name, text in about.items() if text}
        evidence = self.evidence
        if evidence is not None:
            evidence = replace(evidence, about={**evidence.about, **given})
        predictions = replace(self.predictions, about={**self.predictions.about, **given})
        return replace(self, predictions=predictions, evidence=evidence)

    def of_base(self, name: str) -> _Source:
        """Return the source of another system against the same annotations."""
        base = resolve_input(name)
        if base.kind == "evidence":
            return replace(self, predictions=base, evidence=base.evidence())
        if self.annotations is None:
            raise UsageError(f"--no-worse-than {name}: evidence is compared with evidence, which holds both sides")
        return replace(self, predictions=base, evidence=None)

    def _images(self, place: str | None) -> Images:
        """Return the list of the images there are, read once for both sides."""
        if place is None or not any(
            side is not None and side.reads_images for side in (self.predictions, self.annotations)
        ):
            return place
        from crowdeval.formats import read_image_list

        return read_image_list(place)

    @property
    def files(self) -> list[str]:
        return [self.predictions.name, *([] if self.annotations is None else [self.annotations.name])]

    def protocol(self, options: dict[str, Any]) -> Protocol:
        """Return the protocol of the options; evidence has a protocol, in which only the given options are replaced."""
        if self.evidence is None:
            return protocol_of(options)
        from crowdeval.evaluation.protocol import Protocol

        given = given_options(options)
        if {"preset", "metrics"} & given.keys():
            given = {"preset": "", "metrics": ()} | given
            given["preset"] = given["preset"] or ""
        return replace(Protocol.parse(self.evidence.signature), **given)

    def evaluate(
        self, protocol: Protocol, parts: _Parts, *, preparing: dict[str, Any], quiet: bool
    ) -> tuple[Report, Evidence]:
        """Read and score the inputs with a progress bar; return the report and its evidence."""
        from crowdeval.evaluation.evaluate import report_and_evidence, report_of

        if self.evidence is not None:
            given = [name for name, value in preparing.items() if value not in ("", None, "error")]
            if given:
                option = {"label": "class"}.get(given[0], given[0].replace("_", "-"))
                raise UsageError(f"{self.predictions.name} is evidence, which holds no points: leave out --{option}")
            report = report_of(self.evidence, protocol=protocol, per_image=parts.per_image, part=parts.part)
            return report, self.evidence
        assert self.annotations is not None, "of() sets annotations or evidence"
        with print_warnings(quiet=quiet), stage_progress(quiet=quiet) as stage:
            stage(f"reading {self.predictions.name}")
            images = self._images(preparing["images"])
            predicted = self.predictions.predictions(images=images)
            stage(f"reading {self.annotations.name}")
            annotated = self.annotations.annotations(root=self.root, cache=self.cache, images=images)
            sides = (self.predictions, self.annotations)
            id_style = folder_id_style(protocol.id_style, sides, predicted, annotated)
            with names_in_errors(self.predictions, self.annotations):
                return report_and_evidence(
                    predicted,
                    annotated,
                    protocol=replace(protocol, id_style=id_style),
                    per_image=parts.per_image,
                    names=(self.predictions.name, self.annotations.name),
                    about=self.predictions.about,
                    preparation=preparation_of(preparing),
                    part=parts.part,
                    groups=parts.groups,
                    progress=stage,
                )


def _with_evidence(report: Report, evidence: Evidence, path: Path, output: str | None) -> Report:
    """Write evidence; return the report with the path of that file relative to the report's folder."""
    from crowdeval.evaluation.parts import write_evidence
    from crowdeval.evaluation.report import EvidenceFile

    digest = write_evidence(evidence, path)
    folder = "." if output in (None, "-") else os.path.dirname(str(output)) or "."
    return replace(report, evidence=EvidenceFile(Path(os.path.relpath(path, folder)).as_posix(), digest))


def _brief(report: Report) -> str:
    """Return the number of the first requested metric; raise NeedsError where it has none."""
    first = report.protocol.all_metrics[0]
    for name, value in report.values.items():
        if name == first or name.startswith((f"{first}@", f"{first}=")):
            return f"{value!r}\n"
        break
    raise NeedsError(
        "\n".join(
            [
                f"--brief prints {first}, which has no value on these data; name another metric with --metric",
                *report.warnings,
            ]
        )
    )


def _form_of(output: str | None) -> str:
    """Return the form that the suffix of a file means; ``table`` where there is no suffix."""
    suffixes = [suffix.lower() for suffix in Path(output or "").suffixes]
    suffix = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    if suffix and suffix not in REPORT_SUFFIXES:
        raise UsageError(f"-o {output}: expected a name that ends in {', '.join(REPORT_SUFFIXES)}; or add --format")
    return REPORT_SUFFIXES.get(suffix, "table")


def _output_path(option: str, name: str | None, suffixes: Sequence[str]) -> Path | None:
    """Return the path of an output file; raise UsageError for another suffix, MissingFileError without a folder."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{option} {name}: expected a name that ends in {' or '.join(suffixes)}")
    from crowdeval.writing import require_folder

    require_folder(path)
    return path


def _write_table(report: Report, path: Path | None) -> None:
    """Write the per-image table as CSV or Parquet, where it is wanted."""
    if path is None:
        return
    from crowdeval.writing import write_file

    frame = report.to_frame()
    if path.suffix.lower() == ".csv":
        write_file(path, frame.to_csv(index=False).encode())
        return
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    write_file(path, content.getvalue())
