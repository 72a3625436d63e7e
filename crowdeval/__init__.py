"""Evaluation of crowd counting and point localization: nAP and the metric family of the field.

    >>> import crowdeval
    >>> true_points = [[10, 10], [20, 10], [10, 20]]
    >>> predicted_points, confidences = [[10, 11], [20, 10]], [0.9, 0.8]
    >>> round(crowdeval.nap((predicted_points, confidences), true_points), 3)
    0.567

The names of this module are imported on first use, so that ``import crowdeval`` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdeval.version import __version__ as __version__

if TYPE_CHECKING:
    from crowdeval.api import evaluate as evaluate
    from crowdeval.comparing import compare as compare
    from crowdeval.datasets import open_dataset as open_dataset
    from crowdeval.diagnosing import diagnose as diagnose
    from crowdeval.errors import CrowdevalError as CrowdevalError
    from crowdeval.errors import CrowdevalWarning as CrowdevalWarning
    from crowdeval.evaluation.evaluate import evidence_of as evidence_of
    from crowdeval.evaluation.evaluate import report_of as report_of
    from crowdeval.evaluation.parts import read_evidence as read_evidence
    from crowdeval.evaluation.parts import write_evidence as write_evidence
    from crowdeval.evaluation.plain_arrays import NapResult as NapResult
    from crowdeval.evaluation.plain_arrays import nap as nap
    from crowdeval.evaluation.protocol import PAPER as PAPER
    from crowdeval.evaluation.protocol import Protocol as Protocol
    from crowdeval.evaluation.report import Report as Report
    from crowdeval.formats import read_annotations as read_annotations
    from crowdeval.formats import read_predictions as read_predictions
    from crowdeval.formats import write_annotations as write_annotations
    from crowdeval.formats import write_predictions as write_predictions
    from crowdeval.leaderboards.gather import build_leaderboard as build_leaderboard
    from crowdeval.leaderboards.report_files import read_report as read_report
    from crowdeval.matching.scale import knn_scale as knn_scale
    from crowdeval.metrics.concatenation import concatenated as concatenated
    from crowdeval.metrics.evidence import Evidence as Evidence
    from crowdeval.points.alignment import align as align
    from crowdeval.points.sets import Annotations as Annotations
    from crowdeval.points.sets import Predictions as Predictions
    from crowdeval.runs.predict import run_predictor as run_predictor

_HOME = {
    "Annotations": "points.sets",
    "CrowdevalError": "errors",
    "CrowdevalWarning": "errors",
    "Evidence": "metrics.evidence",
    "NapResult": "evaluation.plain_arrays",
    "PAPER": "evaluation.protocol",
    "Predictions": "points.sets",
    "Protocol": "evaluation.protocol",
    "Report": "evaluation.report",
    "align": "points.alignment",
    "build_leaderboard": "leaderboards.gather",
    "compare": "comparing",
    "concatenated": "metrics.concatenation",
    "diagnose": "diagnosing",
    "evaluate": "api",
    "evidence_of": "evaluation.evaluate",
    "knn_scale": "matching.scale",
    "nap": "evaluation.plain_arrays",
    "open_dataset": "datasets",
    "read_annotations": "formats",
    "read_evidence": "evaluation.parts",
    "read_predictions": "formats",
    "read_report": "leaderboards.report_files",
    "report_of": "evaluation.evaluate",
    "run_predictor": "runs.predict",
    "write_annotations": "formats",
    "write_evidence": "evaluation.parts",
    "write_predictions": "formats",
}
__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'crowdeval' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"crowdeval.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
