"""A run's predictions measured: the report that lies in its folder, named by its protocol."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from crowdeval.datasets import Split
from crowdeval.errors import AlignmentError, FormatError, MissingFileError
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.evaluation.parts import write_evidence
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.report import EvidenceFile, Report
from crowdeval.runs.folder import RunFolder, about_run, run_predictions
from crowdeval.writing import write_file


def report_file(folder: RunFolder, protocol: Protocol) -> Path:
    """Return where the report of a protocol lies."""
    digest = hashlib.blake2b(protocol.signature.encode(), digest_size=4).hexdigest()
    return folder.path / f"report-{protocol.preset}-{digest}.json"


def scored(folder: RunFolder, split: Split, protocol: Protocol) -> Report:
    """Measure a run and keep the report, with its per-image table and the evidence, in the run's folder.

    Raises
    ------
    AlignmentError
        If the run does not hold the whole split and the protocol does not score what is missing as empty.
    """
    manifest = folder.manifest()
    found = run_predictions(folder)
    if manifest.get("fingerprint") != split.annotations.fingerprint:
        raise AlignmentError(f"{folder.path} was made for another edition of {manifest.get('dataset')}")
    report, evidence = report_and_evidence(
        found,
        split.annotations,
        protocol=protocol,
        per_image=True,
        names=(str(folder.path), f"{split.name}:{split.split}"),
        about=about_run(manifest),
    )
    path = report_file(folder, protocol)
    kept = path.with_name(f"evidence{path.stem.removeprefix('report')}.arrow")
    report = replace(report, evidence=EvidenceFile(kept.name, write_evidence(evidence, kept)))
    write_file(path, report.to_json().encode())
    return report


def kept_report(folder: RunFolder, split: Split, protocol: Protocol) -> Report | None:
    """Return the report of a protocol that lies in a run's folder and is of these predictions, or None."""
    path = report_file(folder, protocol)
    try:
        report = Report.from_json(path.read_bytes(), name=str(path))
        current = run_predictions(folder)
    except (OSError, FormatError, MissingFileError):
        return None
    same = (report.predictions.fingerprint, report.annotations.fingerprint)
    return report if same == (current.fingerprint, split.annotations.fingerprint) else None
