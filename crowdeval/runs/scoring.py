"""The reports of a run: one file in its folder for each protocol, with the evidence beside it."""

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
from crowdeval.statistics.certainty import Resampling, certainty_of
from crowdeval.writing import write_file


def report_file(folder: RunFolder, protocol: Protocol) -> Path:
    """Return the file of a run's report.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run.
    protocol : Protocol
        The protocol; its preset and the hash of its signature name the file.

    Returns
    -------
    Path
        The file need not exist.

    Examples
    --------
    >>> report_file(RunFolder(Path("runs/a")), Protocol()).name.startswith("report-paper-")
    True
    """
    digest = hashlib.blake2b(protocol.signature.encode(), digest_size=4).hexdigest()
    return folder.path / f"report-{protocol.preset}-{digest}.json"


def score_run(folder: RunFolder, split: Split, protocol: Protocol) -> Report:
    """Score a run and write the report and the evidence to its folder.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run.
    split : Split
        The split of the dataset on which the run was made.
    protocol : Protocol
        The metrics and their choices.

    Returns
    -------
    Report
        With the per-image table.

    Raises
    ------
    AlignmentError
        If the annotations have changed since the run, or the run lacks images of the split and the protocol does not
        score missing images as empty.
    MissingFileError
        If the folder has no manifest or no predictions, or a file can't be written.
    FormatError
        If the manifest or a shard is damaged.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image as Pillow
    >>> from crowdeval.datasets import open_dataset
    >>> from crowdeval.points.sets import Predictions
    >>> with TemporaryDirectory() as home:
    ...     Pillow.new("RGB", (8, 8)).save(Path(home, "a.png"))
    ...     _ = Path(home, "points.json").write_text('{"a": [[1, 2], [5, 6]]}')
    ...     split = open_dataset(f"folder:{home}", cache=False)
    ...     folder = RunFolder(Path(home, "run"))
    ...     folder.write_shard(0, Predictions(image_ids=("a",), offsets=[0, 1], xy=[[1, 2]]))
    ...     folder.write_manifest({"fingerprint": split.annotations.fingerprint})
    ...     score_run(folder, split, Protocol())["MAE"]
    1.0
    """
    manifest = folder.manifest()
    predictions = run_predictions(folder)
    if manifest.get("fingerprint") != split.annotations.fingerprint:
        raise AlignmentError(
            f"{folder.path} was predicted on another edition of {manifest.get('dataset')}: its annotations have the "
            f"fingerprint {split.annotations.fingerprint}, the run has {manifest.get('fingerprint')}; predict again"
        )
    report, evidence = report_and_evidence(
        predictions,
        split.annotations,
        protocol=protocol,
        per_image=True,
        names=(str(folder.path), f"{split.name}:{split.split}"),
        about=about_run(manifest),
    )
    report = replace(report, certainty=certainty_of(evidence, report.values, protocol, Resampling()))
    path = report_file(folder, protocol)
    evidence_file = path.with_name(f"evidence{path.stem.removeprefix('report')}.arrow")
    report = replace(report, evidence=EvidenceFile(evidence_file.name, write_evidence(evidence, evidence_file)))
    write_file(path, report.to_json().encode())
    return report


def stored_report(folder: RunFolder, split: Split, protocol: Protocol) -> Report | None:
    """Return the report in a run's folder, if it is up to date.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run.
    split : Split
        The split of the dataset.
    protocol : Protocol
        The protocol of the report.

    Returns
    -------
    Report or None
        None where there is no report, it is damaged, or predictions or annotations have changed since.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image as Pillow
    >>> from crowdeval.datasets import open_dataset
    >>> with TemporaryDirectory() as home:
    ...     Pillow.new("RGB", (8, 8)).save(Path(home, "a.png"))
    ...     _ = Path(home, "points.json").write_text('{"a": [[1, 2], [5, 6]]}')
    ...     split = open_dataset(f"folder:{home}", cache=False)
    ...     stored_report(RunFolder(Path(home, "run")), split, Protocol()) is None
    True
    """
    path = report_file(folder, protocol)
    try:
        report = Report.from_json(path.read_bytes(), name=str(path))
        current = run_predictions(folder)
    except (OSError, FormatError, MissingFileError):
        return None
    same = (report.predictions.fingerprint, report.annotations.fingerprint)
    return report if same == (current.fingerprint, split.annotations.fingerprint) else None
