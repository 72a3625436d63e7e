"""Evaluation of crowd counting and point localization: nAP and the metric family of the field.

    >>> import crowdeval
    >>> truth = [[10, 10], [20, 10], [10, 20]]
    >>> found, confidence = [[10, 11], [20, 10]], [0.9, 0.8]
    >>> round(crowdeval.nap((found, confidence), truth), 3)
    0.567

Names of this module are imported on first use: ``import crowdeval`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crowdeval.alignment import align as align
    from crowdeval.errors import CrowdevalError as CrowdevalError
    from crowdeval.errors import CrowdevalWarning as CrowdevalWarning
    from crowdeval.evaluation import evaluate as evaluate
    from crowdeval.formats import read_annotations as read_annotations
    from crowdeval.formats import read_predictions as read_predictions
    from crowdeval.formats import write_annotations as write_annotations
    from crowdeval.formats import write_predictions as write_predictions
    from crowdeval.plain import NapResult as NapResult
    from crowdeval.plain import nap as nap
    from crowdeval.points import Annotations as Annotations
    from crowdeval.points import Predictions as Predictions
    from crowdeval.protocol import PAPER as PAPER
    from crowdeval.protocol import Protocol as Protocol
    from crowdeval.report import Report as Report
    from crowdeval.scale import knn_scale as knn_scale

__version__ = "0.1.0"

_HOME = {
    "Annotations": "points",
    "CrowdevalError": "errors",
    "CrowdevalWarning": "errors",
    "NapResult": "plain",
    "PAPER": "protocol",
    "Predictions": "points",
    "Protocol": "protocol",
    "Report": "report",
    "align": "alignment",
    "evaluate": "evaluation",
    "knn_scale": "scale",
    "nap": "plain",
    "read_annotations": "formats",
    "read_predictions": "formats",
    "write_annotations": "formats",
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
