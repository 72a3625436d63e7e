"""evaluate(): align, match, keep the evidence, take the values - the only place where the stages meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, NeedsError, UsageError
from crowdeval.evaluation.notices import facts_of, input_notices, warn_of
from crowdeval.evaluation.protocol import PAPER, REVISION, Protocol
from crowdeval.evaluation.report import Report
from crowdeval.evaluation.sides import sides_of
from crowdeval.metrics import family_of
from crowdeval.metrics.evidence import Evidence, Lack
from crowdeval.metrics.family import Family, Measured, Measuring, Scene, has_evidence
from crowdeval.metrics.strings import Metric
from crowdeval.points.alignment import align
from crowdeval.points.image_bounds import bounded
from crowdeval.points.sets import Annotations, Predictions
from crowdeval.version import __version__

Stage = Callable[[str], None]
NO_EVIDENCE = "evidence, which its family does not keep; it is measured only with the points at hand"


def evaluate(
    predictions: Predictions,
    annotations: Annotations,
    *,
    protocol: Protocol = PAPER,
    per_image: bool = False,
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    progress: Stage = lambda stage: None,
) -> Report:
    """Score predictions against annotations.

    Parameters
    ----------
    predictions, annotations
        What ``read_predictions`` and ``read_annotations`` return.
    protocol : Protocol
        The metrics and every option behind them.
    per_image : bool
        Also fill the per-image table of the report.
    names : (str, str)
        What the report calls the two inputs.
    about : mapping of str to str, optional
        What is known of the predictions' origin: model, revision, dataset, ...
    progress : callable
        Called with the name of each stage before it begins.

    Returns
    -------
    Report
        Values, warnings, fingerprints and the protocol. Warnings that matter are also given as Python warnings, each of
        a class of its own below NoticeWarning.

    Raises
    ------
    AlignmentError
        If the two sides do not speak of the same images.
    NeedsError
        If a metric asked for by name needs what the data lack.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[10.0, 10.0], [20.0, 10.0]])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]], score=[0.9])
    >>> report = evaluate(found, truth)
    >>> report["nAP@0.5"], report["MAE"]
    (0.5, 1.0)
    """
    report, _ = report_and_evidence(
        predictions, annotations, protocol=protocol, per_image=per_image, names=names, about=about, progress=progress
    )
    warn_of(report.warnings)
    return report


def report_and_evidence(
    predictions: Predictions,
    annotations: Annotations,
    *,
    protocol: Protocol = PAPER,
    per_image: bool = False,
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    part: bool = False,
    progress: Stage = lambda stage: None,
) -> tuple[Report, Evidence]:
    """Return the report of ``evaluate``, without Python warnings, and the evidence behind it.

    Parameters are those of ``evaluate``, and one more.

    Parameters
    ----------
    part : bool
        Whether the images are a part of a set: a metric asked for by name that they lack something for is then a notice
        and not an error.
    """
    scene, facts = _scene(predictions, annotations, protocol, names=names, about=about, per_image=per_image,
                          progress=progress)  # fmt: skip
    lacks = _lacks(protocol, scene)
    if not part:
        _refuse_lacking(protocol, {metric: lack for metric, lack in lacks.items() if lack.reason != NO_EVIDENCE})
    evidence, others = _gathered(protocol, scene, replace(facts, lacks=lacks), progress)
    return report_of(evidence, protocol=protocol, per_image=per_image, others=others, part=part), evidence


def evidence_of(
    predictions: Predictions,
    annotations: Annotations,
    *,
    protocol: Protocol = PAPER,
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
) -> Evidence:
    """Return the evidence of predictions against annotations: of a whole set, or of a part of one.

    Parameters and errors are those of ``evaluate``, but that nothing is raised for what the data lack: evidence says
    so, and parts put together lack what every one of them lacks.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[10.0, 10.0], [20.0, 10.0]])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]], score=[0.9])
    >>> report_of(evidence_of(found, truth))["nAP@0.5"]
    0.5
    """
    quiet: Stage = lambda stage: None  # noqa: E731 - a name for what evaluate() has as a default
    scene, facts = _scene(predictions, annotations, protocol, names=names, about=about, per_image=False, progress=quiet)
    facts = replace(facts, lacks=_lacks(protocol, scene))
    evidence, _ = _gathered(protocol, scene, facts, quiet, measuring=False)
    return evidence


def report_of(
    evidence: Evidence,
    *,
    protocol: Protocol | None = None,
    per_image: bool = False,
    others: Measured | None = None,
    part: bool = False,
) -> Report:
    """Return the report of evidence.

    Parameters
    ----------
    evidence : Evidence
        Of a set, or of parts put together.
    protocol : Protocol, optional
        The evidence's own by default; another may differ in metrics, delta, ``ap`` and ``pool`` only.
    per_image : bool
        Also fill the per-image table.
    others : Measured, optional
        What families without evidence have measured.
    part : bool
        Whether a metric asked for by name that is lacking is left out with a notice, as one of a preset is.

    Raises
    ------
    NeedsError
        If a metric asked for by name needs what the data lack.
    UsageError
        If evidence was made with other options, or holds nothing for a metric.
    """
    own = Protocol.parse(evidence.signature)
    protocol = own if protocol is None else protocol
    _require_same(own, protocol)
    others = others or Measured()
    lacks = {metric: lack for metric, lack in evidence.lacks.items() if metric not in others.values}
    if not part:
        _refuse_lacking(protocol, lacks)
    found = Measured(notices=[*input_notices(evidence), *_left_out(protocol, lacks)])
    columns = _own_columns(evidence) if per_image else {}
    for family, asked in _families(protocol, lacks):
        if not has_evidence(family):
            found.update(others)
            columns |= others.columns
            continue
        try:
            found.update(family.values(asked, evidence, protocol))
            columns |= family.columns(asked, evidence, protocol) if per_image else {}
        except KeyError as missing:
            words = ", ".join(map(str, asked))
            raise UsageError(f"this evidence holds nothing for {words}: it has no column {missing}") from None
    predicted, true = sides_of(evidence)
    return Report(
        values=_ordered(found.values, protocol),
        protocol=protocol,
        images=len(evidence),
        predictions=predicted,
        annotations=true,
        warnings=(*found.notices, *(f"undefined: {text}" for text in dict.fromkeys(found.undefined))),
        per_image=columns if per_image else None,
        about=dict(evidence.about),
        version=__version__,
    )


def _scene(
    predictions: Predictions,
    annotations: Annotations,
    protocol: Protocol,
    *,
    names: tuple[str, str],
    about: Mapping[str, str] | None,
    per_image: bool,
    progress: Stage,
) -> tuple[Scene, Evidence]:
    """Align the two sides; return what families look at, and the evidence before anything is matched."""
    _check_types(predictions, annotations, protocol)
    progress("aligning")
    annotations = bounded(annotations, protocol.off_image)
    predictions, annotations = align(predictions, annotations, missing=protocol.missing, id_style=protocol.id_style)
    scene = Scene(predictions=predictions, annotations=annotations, options=protocol, per_image=per_image)
    ordered = any("order" in columns for columns in map(_columns_read, protocol.all_metrics))
    facts = facts_of(
        predictions,
        annotations,
        signature=protocol.signature,
        names=names,
        about=about,
        ordered=ordered,
        kept=protocol.off_image == "keep",
    )
    return scene, facts


def _columns_read(text: str) -> frozenset[str]:
    metric = Metric.parse(text)
    family = family_of(metric)
    return family.reads(metric).columns if has_evidence(family) else frozenset({"order"})


def _gathered(
    protocol: Protocol, scene: Scene, facts: Evidence, progress: Stage, *, measuring: bool = True
) -> tuple[Evidence, Measured]:
    """Return the evidence with every family's columns, and what families without evidence measure."""
    evidence, others = facts, Measured()
    true = {metric: lack for metric, lack in facts.lacks.items() if not lack.spared and lack.reason != NO_EVIDENCE}
    for family, asked in _families(protocol, true):
        progress(" ".join(str(metric) for metric in asked))
        if has_evidence(family):
            evidence = evidence.with_columns(family.evidence(asked, scene))
        elif measuring:
            others.update(cast(Measuring, family).measure(asked, scene))
    return evidence, others


def _lacks(protocol: Protocol, scene: Scene) -> dict[str, Lack]:
    """Return the metrics that the data lack something for, or that leave no evidence."""
    lacks = {}
    for text in protocol.all_metrics:
        metric = Metric.parse(text)
        family = family_of(metric)
        reason = family.lacking(metric, scene)
        if reason is not None:
            lacks[text] = Lack(reason, spared=has_evidence(family) and family.spares(metric, scene))
        elif not has_evidence(family):
            lacks[text] = Lack(NO_EVIDENCE, spared=False)
    return lacks


def _refuse_lacking(protocol: Protocol, lacks: Mapping[str, Lack]) -> None:
    """Raise NeedsError for a metric asked for by name that is lacking, or where nothing can be measured."""
    for text in protocol.metrics:
        if text in lacks:
            raise NeedsError(f"{text} needs {lacks[text].reason}")
    if all(text in lacks for text in protocol.all_metrics):
        raise NeedsError("\n".join(["nothing can be measured", *_left_out(protocol, lacks)]))


def _left_out(protocol: Protocol, lacks: Mapping[str, Lack]) -> list[str]:
    """Return a notice for each reason why metrics are left out."""
    reasons: dict[str, list[str]] = {}
    for text in protocol.all_metrics:
        if text in lacks:
            reasons.setdefault(lacks[text].reason, []).append(text)
    return [f"left-out: {', '.join(names)}: needs {reason}" for reason, names in reasons.items()]


def _families(protocol: Protocol, lacks: Mapping[str, Lack]) -> list[tuple[Family | Measuring, list[Metric]]]:
    """Return the metrics that are not lacking, by family."""
    families: list[tuple[Family | Measuring, list[Metric]]] = []
    for text in protocol.all_metrics:
        if text in lacks:
            continue
        metric = Metric.parse(text)
        family = family_of(metric)
        asked = next((metrics for known, metrics in families if known is family), None)
        if asked is None:
            families.append((family, [metric]))
        else:
            asked.append(metric)
    return families


def _own_columns(evidence: Evidence) -> dict[str, NDArray[Any]]:
    """Return the columns of the per-image table that no family brings."""
    return {
        "image": np.array(evidence.image_ids, dtype=object),
        "true_points": evidence.images["true"],
        "predicted_points": evidence.counts,
    }


def _check_types(predictions: object, annotations: object, protocol: object) -> None:
    """Raise InputError where an argument is something else, saying how one gets what is expected."""
    for value, kind, reader in (
        (predictions, Predictions, "read_predictions"),
        (annotations, Annotations, "read_annotations"),
    ):
        if not isinstance(value, kind):
            raise InputError(
                f"expected {kind.__name__}, found {type(value).__name__}; {reader}(path) reads a file, "
                "nap(...) takes plain arrays"
            )
    if not isinstance(protocol, Protocol):
        raise InputError(
            f"expected a Protocol, found {type(protocol).__name__}; Protocol(preset=...) makes one, "
            "Protocol.parse(signature) reads one"
        )
    if protocol.revision != REVISION:
        raise UsageError(
            f"protocol: revision {protocol.revision} of the definitions measures no more; "
            f"dataclasses.replace(protocol, revision={REVISION}) is the current one"
        )


FREE = ("preset", "metrics", "delta", "ap", "pool")
"""Options that a report of evidence may choose anew, as far as the evidence goes."""


def _require_same(own: Protocol, other: Protocol) -> None:
    """Raise UsageError where values are asked for under options that evidence was not made with."""
    names: Sequence[str] = [name for name in Protocol.__dataclass_fields__ if name not in FREE]
    for name in names:
        if getattr(own, name) != getattr(other, name):
            raise UsageError(
                f"this evidence was made with {name} = {getattr(own, name)}, not {getattr(other, name)}; score the "
                "points again for another"
            )


def _ordered(values: dict[str, float], protocol: Protocol) -> dict[str, float]:
    """Return the values in the order asked for, each metric followed by what it brought along."""
    order: dict[str, None] = {}
    for text in protocol.all_metrics:
        order |= dict.fromkeys([text, *(name for name in values if name.startswith((f"{text}@", f"{text}=")))])
    return {name: values[name] for name in [*order, *values] if name in values}
