"""The function evaluate(): align, match, keep the evidence, compute the values; all stages meet in this module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import NeedsError, UsageError
from crowdeval.evaluation.gathering import NO_EVIDENCE, Stage, build_scene, by_family, gather_evidence
from crowdeval.evaluation.notices import input_notices, warn_about
from crowdeval.evaluation.preparation import AS_GIVEN, Preparation
from crowdeval.evaluation.protocol import PAPER, Protocol
from crowdeval.evaluation.report import Report
from crowdeval.evaluation.sides import sides_of
from crowdeval.metrics.evidence import Evidence, Lack
from crowdeval.metrics.family import Measured, Scene, has_evidence
from crowdeval.metrics.groups import group_columns
from crowdeval.metrics.strings import Metric
from crowdeval.options import Extra
from crowdeval.points.sets import Annotations, Predictions
from crowdeval.version import __version__


def evaluate(
    predictions: Predictions,
    annotations: Annotations,
    *,
    protocol: Protocol = PAPER,
    per_image: bool = False,
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    frame: str = "",
    label: str = "",
    id_map: Mapping[str, str] | None = None,
    extra: Extra = "error",
    only: Sequence[str] | None = None,
    progress: Stage = lambda stage: None,
) -> Report:
    """Score predictions against annotations.

    Parameters
    ----------
    predictions : Predictions
        Predicted points or counts, as ``read_predictions`` returns them.
    annotations : Annotations
        True points, as ``read_annotations`` returns them.
    protocol : Protocol
        The metrics, and all options behind them.
    per_image : bool
        Whether the report has a per-image table.
    names : (str, str)
        Names of the two inputs in the report.
    about : mapping of str to str, optional
        Origin of the predictions: model, revision, dataset, ...
    frame : str
        The frame that the predictions are in, if not that of the image in pixels: ``"yx"``, ``"normalized"``,
        ``"max-side:1024"``, or several steps, separated by commas (see ``crowdeval.points.frames``).
    label : str
        The class that is scored, where points have classes; by default all points are of one class.
    id_map : mapping of str to str, optional
        Id of an image in the predictions to its id in the annotations.
    extra : {"error", "ignore"}
        Predicted images that are not annotated: an error, or left out.
    only : sequence of str, optional
        Ids or stems of the annotated images that are scored; by default all.
    progress : callable
        Called with the name of each stage before it begins.

    Returns
    -------
    Report
        Values, warnings, fingerprints and the protocol. The important warnings are also Python warnings, each of its
        own subclass of NoticeWarning.

    Raises
    ------
    AlignmentError
        If predictions and annotations are not of the same images.
    InputError
        If an argument has a wrong type.
    NeedsError
        If a metric that is requested by name needs something that the data lack.
    UsageError
        If the protocol has an earlier revision of the definitions.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[10.0, 10.0], [20.0, 10.0]])
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]], score=[0.9])
    >>> report = evaluate(predictions, truth)
    >>> report["nAP@0.5"], report["MAE"]
    (0.5, 1.0)
    """
    report, _ = report_and_evidence(
        predictions,
        annotations,
        protocol=protocol,
        per_image=per_image,
        names=names,
        about=about,
        preparation=Preparation(frame=frame, label=label, id_map=id_map or {}, extra=extra, only=only),
        progress=progress,
    )
    warn_about(report.warnings)
    return report


def report_and_evidence(
    predictions: Predictions,
    annotations: Annotations,
    *,
    protocol: Protocol = PAPER,
    per_image: bool = False,
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    preparation: Preparation = AS_GIVEN,
    part: bool = False,
    groups: Sequence[str] = (),
    inspect: Callable[[Scene], None] = lambda scene: None,
    progress: Stage = lambda stage: None,
) -> tuple[Report, Evidence]:
    """Return the report of ``evaluate``, without Python warnings, and the evidence behind it.

    Errors are those of ``evaluate``.

    Parameters
    ----------
    predictions, annotations
        Predicted points or counts, and true points.
    protocol, per_image, names, about, progress
        The same as for ``evaluate``.
    preparation : Preparation
        What is done to the two sides before.
    part : bool
        Whether the images are a part of a set. A metric that is requested by name and can't be measured is then a
        notice, not an error.
    groups : sequence of str
        Attributes of the images that evidence keeps besides those of the metrics, for clusters; ``EVERY`` is all.
    inspect : callable
        Called with the aligned points, which evidence does not keep.

    Returns
    -------
    (Report, Evidence)
        The report, and the evidence from which its values were computed.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[10.0, 10.0], [20.0, 10.0]])
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]], score=[0.9])
    >>> report, evidence = report_and_evidence(predictions, truth)
    >>> report_of(evidence).values == report.values
    True
    """
    scene, facts = build_scene(predictions, annotations, protocol, names=names, about=about, per_image=per_image,
                          part=part, preparation=preparation, progress=progress)  # fmt: skip
    inspect(scene)
    if not part:
        lacks = {metric: lack for metric, lack in facts.lacks.items() if lack.reason != NO_EVIDENCE}
        _refuse_lacking(protocol, lacks)
    evidence, others = gather_evidence(protocol, scene, facts, part=part, progress=progress)
    evidence = _with_groups(evidence, groups, scene)
    return report_of(evidence, protocol=protocol, per_image=per_image, others=others, part=part), evidence


EVERY = "*"
"""The name that stands for all attributes of the images."""


def _with_groups(evidence: Evidence, groups: Sequence[str], scene: Scene) -> Evidence:
    """Return evidence with the columns from which groups of images are made."""
    annotations = scene.annotations
    names = [*(name for name in groups if name != EVERY), *(annotations.attributes if EVERY in groups else ())]
    columns: dict[str, NDArray[Any]] = {}
    for name in dict.fromkeys(names):
        if name != "scale_quartile" or annotations.located:
            columns |= group_columns(name, annotations, k=scene.options.k, lone=scene.options.lone)
    return replace(evidence, images={**columns, **evidence.images}) if columns else evidence


def evidence_of(
    predictions: Predictions,
    annotations: Annotations,
    *,
    protocol: Protocol = PAPER,
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    frame: str = "",
    label: str = "",
    id_map: Mapping[str, str] | None = None,
    extra: Extra = "error",
    only: Sequence[str] | None = None,
) -> Evidence:
    """Return the evidence of predictions against annotations, for a whole set or a part of one.

    Parameters
    ----------
    predictions : Predictions
        Predicted points or counts.
    annotations : Annotations
        True points.
    protocol : Protocol
        The metrics, and all options behind them.
    names : (str, str)
        Names of the two inputs.
    about : mapping of str to str, optional
        Origin of the predictions: model, revision, dataset, ...
    frame, label, id_map, extra, only
        What is done to the two sides before, as for ``evaluate``.

    Returns
    -------
    Evidence
        If the data lack something for a metric, its ``lacks`` has the reason; no error is raised for it, as another
        part of the set may not lack it.

    Raises
    ------
    AlignmentError
        If predictions and annotations are not of the same images.
    InputError
        If an argument has a wrong type.
    UsageError
        If the protocol has an earlier revision of the definitions.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[10.0, 10.0], [20.0, 10.0]])
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]], score=[0.9])
    >>> report_of(evidence_of(predictions, truth))["nAP@0.5"]
    0.5
    """
    quiet: Stage = lambda stage: None  # noqa: E731 - the default of evaluate(), with a name
    preparation = Preparation(frame=frame, label=label, id_map=id_map or {}, extra=extra, only=only)
    scene, facts = build_scene(predictions, annotations, protocol, names=names, about=about, per_image=False, part=True,
                               preparation=preparation, progress=quiet)  # fmt: skip
    evidence, _ = gather_evidence(protocol, scene, facts, part=True, progress=quiet, measuring=False)
    return evidence


def report_of(
    evidence: Evidence,
    *,
    protocol: Protocol | None = None,
    per_image: bool = False,
    others: Measured | None = None,
    part: bool = False,
) -> Report:
    """Return the report of evidence, without matching again.

    Parameters
    ----------
    evidence : Evidence
        Evidence of a set, or of parts that were joined by ``concatenated``.
    protocol : Protocol, optional
        By default the protocol that the evidence was made with. Another one may differ in its preset, metrics,
        ``delta``, ``ap`` and ``pool`` only.
    per_image : bool
        Whether the report has a per-image table.
    others : Measured, optional
        Values of families without evidence.
    part : bool
        Whether a metric that is requested by name and can't be measured is left out with a notice, as one of a preset
        is, instead of raising an error.

    Returns
    -------
    Report
        The same as ``evaluate`` returns for the whole set.

    Raises
    ------
    NeedsError
        If a metric that is requested by name needs something that the data lack.
    UsageError
        If the evidence was made with other options, or has no columns for a metric.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[10.0, 10.0], [20.0, 10.0]])
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]], score=[0.9])
    >>> evidence = evidence_of(predictions, truth)
    >>> report_of(evidence, protocol=Protocol(delta=0.5))["nAP"]
    0.5
    """
    own = Protocol.parse(evidence.signature)
    protocol = own if protocol is None else protocol
    _require_same(own, protocol)
    others = others or Measured()
    lacks = {metric: lack for metric, lack in evidence.lacks.items() if not _is_measured(metric, others)}
    if not part:
        _refuse_lacking(protocol, lacks)
    measured = Measured(notices=[*input_notices(evidence), *_left_out_notices(protocol, lacks)])
    columns = _own_columns(evidence) if per_image else {}
    for family, metrics in by_family(protocol, lacks):
        if not has_evidence(family):
            measured.update(others)
            columns |= others.columns
            continue
        try:
            measured.update(family.values(metrics, evidence, protocol))
            columns |= family.columns(metrics, evidence, protocol) if per_image else {}
        except KeyError:
            raise UsageError(_nothing_for(metrics, own)) from None
    predicted, true = sides_of(evidence)
    return Report(
        values=_in_order(measured.values, protocol),
        protocol=protocol,
        images=len(evidence),
        predictions=predicted,
        annotations=true,
        warnings=(*measured.notices, *(f"undefined: {text}" for text in dict.fromkeys(measured.undefined))),
        per_image=columns if per_image else None,
        about=dict(evidence.about),
        version=__version__,
    )


def _nothing_for(metrics: Sequence[Metric], own: Protocol) -> str:
    """Return the message of metrics that evidence was not made for."""
    return (
        f"this evidence holds nothing for {', '.join(map(str, metrics))}; it was made for "
        f"{', '.join(own.all_metrics)}; score the points again with all of them"
    )


def _is_measured(metric: str, others: Measured) -> bool:
    """Return whether a family without evidence has measured a metric, or values below its name: NAME@1, NAME=a."""
    return any(name == metric or name.startswith((f"{metric}@", f"{metric}=")) for name in others.values)


def _refuse_lacking(protocol: Protocol, lacks: Mapping[str, Lack]) -> None:
    """Raise NeedsError if a metric that is requested by name can't be measured, or if no metric can."""
    for text in protocol.metrics:
        if text in lacks:
            raise NeedsError(f"{text} needs {lacks[text].reason}")
    if all(text in lacks for text in protocol.all_metrics):
        raise NeedsError("\n".join(["no metric can be measured on these data", *_left_out_notices(protocol, lacks)]))


def _left_out_notices(protocol: Protocol, lacks: Mapping[str, Lack]) -> list[str]:
    """Return one notice for each reason for which metrics are left out."""
    reasons: dict[str, list[str]] = {}
    for text in protocol.all_metrics:
        if text in lacks:
            reasons.setdefault(lacks[text].reason, []).append(text)
    return [f"left-out: {', '.join(names)}: needs {reason}" for reason, names in reasons.items()]


def _own_columns(evidence: Evidence) -> dict[str, NDArray[Any]]:
    """Return the columns of the per-image table that are not from a family."""
    return {
        "image": np.array(evidence.image_ids, dtype=object),
        "true_points": evidence.images["true"],
        "predicted_points": evidence.counts,
    }


FREE = ("preset", "metrics", "delta", "ap", "pool")
"""Options of the protocol that may differ between evidence and a report that is made from it."""


def _require_same(own: Protocol, other: Protocol) -> None:
    """Raise UsageError if a report is requested with options that the evidence was not made with."""
    names: Sequence[str] = [name for name in Protocol.__dataclass_fields__ if name not in FREE]
    for name in names:
        if getattr(own, name) != getattr(other, name):
            raise UsageError(
                f"this evidence was made with {name} = {getattr(own, name)}, not {getattr(other, name)}; score the "
                f"points again with {name} = {getattr(other, name)}"
            )


def _in_order(values: dict[str, float], protocol: Protocol) -> dict[str, float]:
    """Return the values in the order of the protocol, each metric followed by its thresholds or groups."""
    order: dict[str, None] = {}
    for text in protocol.all_metrics:
        order |= dict.fromkeys([text, *(name for name in values if name.startswith((f"{text}@", f"{text}=")))])
    return {name: values[name] for name in [*order, *values] if name in values}
