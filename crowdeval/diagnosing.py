"""The public diagnose(): a system as a file, a run, a dict, a frame or columns in, a diagnosis out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crowdeval.api import protocol_of, report_and_columns
from crowdeval.errors import UsageError
from crowdeval.evaluation.preparation import AS_GIVEN, Preparation
from crowdeval.evaluation.protocol import PAPER, Protocol
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Scene
from crowdeval.metrics.strings import number_text, parse_range
from crowdeval.options import IdStyle, Missing

if TYPE_CHECKING:
    from crowdeval.diagnosis.diagnose import Diagnosis


def diagnose(
    predictions: Any,
    annotations: Any = None,
    *,
    delta: float = 0.5,
    protocol: Protocol | str = PAPER,
    missing: Missing | None = None,
    id_style: IdStyle | None = None,
    preparation: Preparation = AS_GIVEN,
    names: tuple[str, str] | None = None,
    about: Mapping[str, str] | None = None,
    root: str | os.PathLike[str] | None = None,
) -> Diagnosis:
    """Say why nAP is what it is: the cause of every error, what each costs, the shift of hits, the best threshold.

    Parameters
    ----------
    predictions, annotations
        What ``evaluate`` takes; but not evidence, which has no coordinates.
    delta : float
        The threshold on the normalised distance at which errors are explained.
    protocol : Protocol or str
        The options of nAP.
    missing, id_style, names, about, root
        As for ``evaluate``.
    preparation : Preparation
        What is done to the two sides before.

    Returns
    -------
    Diagnosis
        ``print`` shows the sheet; ``causes``, ``shift``, ``thresholds``, ``bands`` and ``worst`` hold the numbers.

    Raises
    ------
    UsageError
        If the predictions are evidence, or delta is no number above 0.
    NeedsError
        If one of the two sides has counts only.
    CrowdevalError
        The errors of ``evaluate``.

    Examples
    --------
    >>> truth = {"a": [[10, 10], [20, 10], [10, 20]]}
    >>> found = diagnose({"a": ([[10, 11], [11, 10], [90, 90]], [0.9, 0.8, 0.7])}, truth)
    >>> found.causes["duplicate"].count, found.causes["background"].count
    (1, 1)
    """
    (at,) = _one(delta)
    metric = f"nAP@{number_text(at)}"
    chosen = replace(protocol_of(protocol), preset="none", metrics=(metric,))
    _require_truth(predictions, annotations)
    scenes: list[Scene] = []
    report, _ = report_and_columns(
        predictions, annotations, protocol=chosen, missing=missing, id_style=id_style, preparation=preparation,
        names=names, about=about, root=root, inspect=scenes.append,
    )  # fmt: skip
    from crowdeval.diagnosis.diagnose import diagnose_scene

    return diagnose_scene(scenes[0], report, delta=at)


def _require_truth(predictions: Any, annotations: Any) -> None:
    """Raise UsageError where the true points are missing, or the predictions are evidence."""
    kind = "evidence" if isinstance(predictions, Evidence) else ""
    if isinstance(predictions, str | os.PathLike):
        from crowdeval.sources import resolve_input

        kind = resolve_input(os.fspath(predictions)).kind
    if kind == "evidence":
        raise UsageError("diagnose: evidence has no coordinates; give the predictions and the annotations")
    if annotations is None and kind != "run":
        raise UsageError("diagnose needs the true points: --truth ANNOTATIONS, or the second argument of diagnose()")


def _one(delta: float) -> tuple[float]:
    """Return the one delta; raise UsageError for a range."""
    values = parse_range(delta)
    if len(values) != 1:
        raise UsageError(f"delta: expected one number, such as 0.5, found {len(values)}")
    return (values[0],)
