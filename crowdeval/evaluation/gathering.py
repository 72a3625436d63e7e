"""The input of metric families and the evidence that they gather; a part records a metric that it can't measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from crowdeval.errors import InputError, NeedsError, UsageError
from crowdeval.evaluation.notices import facts_of
from crowdeval.evaluation.preparation import AS_GIVEN, Preparation, prepare
from crowdeval.evaluation.protocol import REVISION, Protocol
from crowdeval.metrics import family_of
from crowdeval.metrics.evidence import Evidence, Lack
from crowdeval.metrics.family import Family, Measured, Measuring, Scene, has_evidence
from crowdeval.metrics.strings import Metric
from crowdeval.points.image_bounds import apply_off_image
from crowdeval.points.sets import Annotations, Predictions

Stage = Callable[[str], None]
"""Called with the name of each stage before it begins."""

NO_EVIDENCE = "evidence, which its family does not keep; it can be measured only by evaluate(), from the points"
"""The reason why a metric of a family without evidence can't be computed from evidence."""


def build_scene(
    predictions: Predictions,
    annotations: Annotations,
    protocol: Protocol,
    *,
    names: tuple[str, str],
    about: Mapping[str, str] | None,
    per_image: bool,
    part: bool,
    progress: Stage,
    preparation: Preparation = AS_GIVEN,
) -> tuple[Scene, Evidence]:
    """Align the two sides; return the input of families, and the evidence of the set before matching.

    Parameters
    ----------
    predictions, annotations, protocol, names, about, per_image, progress
        The same as for ``evaluate``.
    preparation : Preparation
        What is done to the two sides before.
    part : bool
        Whether the images are a part of a set: what they lack is then recorded and not raised.

    Returns
    -------
    (Scene, Evidence)
        The evidence has counts, fingerprints and ``lacks``, and no column of a family yet.

    Raises
    ------
    InputError
        If an argument is of another type.
    AlignmentError
        If the two sides have different images.
    NeedsError
        If points outside are dropped or clipped, sizes are unknown, and the set is no part.
    UsageError
        If the protocol has an earlier revision.
    """
    _check_types(predictions, annotations, protocol)
    progress("aligning")
    unbounded = ""
    try:
        annotations = apply_off_image(annotations, protocol.off_image)
    except NeedsError as problem:
        if not part:
            raise
        unbounded = _object_of(problem)
    ready = prepare(predictions, annotations, preparation, missing=protocol.missing, id_style=protocol.id_style)
    predictions, annotations = ready.predictions, ready.annotations
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
        changes=ready.changes,
        carried=ready.notices,
    )
    lacks = _find_lacks(protocol, scene)
    if unbounded:  # nothing of these images can be measured; other parts of the set can
        lacks = {text: Lack(unbounded, spared=not len(annotations.xy)) for text in protocol.all_metrics}
    return scene, replace(facts, lacks=lacks)


def gather_evidence(
    protocol: Protocol, scene: Scene, facts: Evidence, *, part: bool, progress: Stage, measuring: bool = True
) -> tuple[Evidence, Measured]:
    """Return the evidence with the columns of all families, and the values of families without evidence.

    Parameters
    ----------
    protocol : Protocol
        The metrics.
    scene, facts : Scene, Evidence
        Results of ``build_scene``.
    part : bool
        Whether the images are a part of a set.
    progress : callable
        Called with the name of each stage before it begins.
    measuring : bool
        Whether families without evidence measure their values.

    Returns
    -------
    (Evidence, Measured)

    Raises
    ------
    NeedsError
        If the data lack something for a metric; a part of a set records it in ``lacks`` instead.
    """
    evidence, others = facts, Measured()
    blocking = {metric: lack for metric, lack in facts.lacks.items() if not lack.spared and lack.reason != NO_EVIDENCE}
    for family, metrics in by_family(protocol, blocking):
        progress(" ".join(str(metric) for metric in metrics))
        if has_evidence(family):
            try:
                evidence = evidence.with_columns(family.evidence(metrics, scene))
            except NeedsError:
                if not part:
                    raise
                evidence = _with_possible_columns(evidence, family, metrics, scene)
        elif measuring:
            others.update(cast(Measuring, family).measure(metrics, scene))
    return evidence, others


def by_family(protocol: Protocol, lacks: Mapping[str, Lack]) -> list[tuple[Family | Measuring, list[Metric]]]:
    """Return the metrics that can be measured, by family."""
    families: list[tuple[Family | Measuring, list[Metric]]] = []
    for text in protocol.all_metrics:
        if text in lacks:
            continue
        metric = Metric.parse(text)
        family = family_of(metric)
        metrics = next((members for known, members in families if known is family), None)
        if metrics is None:
            families.append((family, [metric]))
        else:
            metrics.append(metric)
    return families


def _with_possible_columns(evidence: Evidence, family: Family, metrics: Sequence[Metric], scene: Scene) -> Evidence:
    """Return the evidence with the columns of the metrics that can be measured; the others are among its lacks."""
    for metric in metrics:
        try:
            evidence = evidence.with_columns(family.evidence([metric], scene))
        except NeedsError as problem:
            lack = Lack(_object_of(problem), spared=False)
            evidence = replace(evidence, lacks={**evidence.lacks, str(metric): lack})
    return evidence


def _find_lacks(protocol: Protocol, scene: Scene) -> dict[str, Lack]:
    """Return the metrics that can't be measured on the data, and those whose family keeps no evidence."""
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


def _object_of(problem: NeedsError) -> str:
    """Return the object of the sentence "METRIC needs ..." from an error "OPTION needs ..."."""
    option, needs, reason = str(problem).partition(" needs ")
    return f"{reason} ({option})" if needs else option


def _columns_read(text: str) -> frozenset[str]:
    """Return the columns that a metric reads; a family without evidence may read the order of rows."""
    metric = Metric.parse(text)
    family = family_of(metric)
    return family.reads(metric).columns if has_evidence(family) else frozenset({"order"})


def _check_types(predictions: object, annotations: object, protocol: object) -> None:
    """Raise InputError if an argument has a wrong type, and UsageError if the protocol has an earlier revision."""
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
            f"expected a Protocol, found {type(protocol).__name__}; use Protocol(preset=...) or "
            "Protocol.parse(signature)"
        )
    if protocol.revision != REVISION:
        raise UsageError(
            f"protocol: expected the current revision {REVISION} of the definitions, found revision "
            f"{protocol.revision}, which can't be measured with any more; use "
            f"dataclasses.replace(protocol, revision={REVISION})"
        )
