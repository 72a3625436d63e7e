"""Systems side by side: what may be compared, how they differ, in which images and groups of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crowdeval.errors import AlignmentError, UsageError, did_you_mean, listed
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.report import Report
from crowdeval.evaluation.sides import comparison_key
from crowdeval.metrics import better, canonical
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.localization import COUNTS
from crowdeval.metrics.strings import signature_fields
from crowdeval.points.ragged import Flags
from crowdeval.statistics.certainty import Resampling, resampled_units
from crowdeval.statistics.comparison import Difference, Testing, differences, ranks
from crowdeval.statistics.influence import errors_of
from crowdeval.statistics.quantities import Numbers, is_supported, split_label
from crowdeval.statistics.where import Band, Flip, bands_of, flips_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Systems on the same images, side by side.

    Attributes
    ----------
    systems : tuple of str
        Their names.
    images, points : int
        Number of images and of true points.
    metrics : mapping of str to list of Difference
        By metric, the differences of all pairs.
    values, errors : mapping of str to mapping of str to float
        By metric and system, the value and its standard error.
    ranks : mapping of str to mapping of str to (int, int)
        By metric and system, the interval of ranks.
    bands : tuple of Band
        The systems on quartiles of the count and of the density, and by attributes of the images.
    flips : mapping of str to (list of Flip, list of Flip)
        By ``"A / B"``, the images in which A found most that B missed, and the other way round.
    signature, settings : str
        The signature of the protocol, and how intervals and tests were made.
    notes : tuple of str
        What was left out.
    """

    systems: tuple[str, ...]
    images: int
    points: int
    metrics: Mapping[str, Sequence[Difference]]
    values: Mapping[str, Mapping[str, float]]
    errors: Mapping[str, Mapping[str, float]]
    ranks: Mapping[str, Mapping[str, tuple[int, int]]]
    bands: Sequence[Band]
    flips: Mapping[str, tuple[list[Flip], list[Flip]]]
    signature: str
    settings: str
    notes: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> Difference:
        """Return the difference of the first pair on a metric."""
        if metric in self.metrics:
            return self.metrics[metric][0]
        try:
            return self.metrics[canonical(metric)][0]
        except (KeyError, UsageError):
            raise KeyError(f"{metric!r} was not compared{did_you_mean(metric, self.metrics)}") from None

    def pair(self, metric: str, a: str, b: str) -> Difference:
        """Return the difference of two systems on a metric, A less B.

        Parameters
        ----------
        metric : str
            A key of ``metrics``.
        a, b : str
            Two systems.

        Returns
        -------
        Difference
        """
        key = metric if metric in self.metrics else canonical(metric)
        own = next((pair for pair in self.metrics.get(key, ()) if {pair.a, pair.b} == {a, b}), None)
        if own is None:
            raise KeyError(f"{a!r} and {b!r} were not compared on {metric!r}; there are {listed(self.systems)}")
        return own if own.a == a else own.reversed

    def ordered(self, metric: str) -> list[str]:
        """Return the systems by their value of a metric, best first; undefined values last.

        Parameters
        ----------
        metric : str
            A key of ``metrics``.

        Returns
        -------
        list of str
        """
        values = self.values[metric]
        sign = {"higher": -1.0, "lower": 1.0}.get(better(metric) or "", 0.0)
        badness = {name: sign * value if sign else abs(value) for name, value in values.items()}
        return sorted(self.systems, key=lambda name: (math.isnan(badness[name]), badness[name]))

    def text(self, form: str = "table") -> str:
        """Return the comparison as text.

        Parameters
        ----------
        form : str
            ``table``, ``json``, ``csv``, ``markdown`` or ``latex``.

        Returns
        -------
        str

        Raises
        ------
        UsageError
            If there is no such form.
        """
        from crowdeval.plugins import Extensions

        forms: Extensions[Any] = Extensions("comparison format", "crowdeval.comparison_renderers")
        rendered: str = forms[form](self)
        return rendered

    def __str__(self) -> str:
        """Return the text that ``crowdeval compare`` prints."""
        return self.text().rstrip("\n")

    def __repr__(self) -> str:
        """Return one line: the systems, and the verdict of the first metric."""
        first = next(iter(self.metrics), "")
        verdict = f"; {first}: {self.metrics[first][0].verdict}" if first else ""
        return f"Comparison({', '.join(self.systems)}{verdict})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is compared and how.

    Parameters
    ----------
    resampling : Resampling
        Units, resamples and seed.
    margins : mapping of str to float
        Largest difference by metric that does not matter.
    metrics : sequence of str
        The metrics; by default those of the protocol.
    """

    resampling: Resampling = field(default_factory=Resampling)
    margins: Mapping[str, float] = field(default_factory=dict)
    metrics: Sequence[str] = ()


def compare_systems(
    systems: Mapping[str, tuple[Report, Evidence]], settings: Settings, *, people: Mapping[str, Flags] | None = None
) -> Comparison:
    """Return systems side by side.

    Parameters
    ----------
    systems : mapping of str to (Report, Evidence)
        The report and the evidence of each system; two or more.
    settings : Settings
        What is compared and how.
    people : mapping of str to array of bool, (N,), optional
        Which true points each system found, for those whose coordinates are known.

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        If there are fewer than two systems, a margin is not of a compared metric, or a metric was measured by other
        rules or on other true points in two systems; the message names the field.
    AlignmentError
        If the systems were scored on different images.
    """
    if len(systems) < 2:
        raise UsageError("compare: expected two systems or more")
    names, reports = tuple(systems), [report for report, _ in systems.values()]
    require_same_images(systems)
    first = reports[0]
    keys = compared_keys(reports, settings.metrics)
    for key in keys:
        require_comparable(key, systems)
    testing = _testing(settings, keys, first.protocol)
    numbers = {
        name: resampled_units(evidence, {key: report.values[key] for key in keys}, report.protocol, settings.resampling)
        for name, (report, evidence) in systems.items()
    }
    require_same_units({name: (own, systems[name][1].image_ids) for name, own in numbers.items()})
    found = differences(numbers, keys, testing)
    return Comparison(
        systems=names,
        images=first.images,
        points=first.annotations.points,
        metrics=found,
        values={key: {name: report.values[key] for name, (report, _) in systems.items()} for key in keys},
        errors=_errors(numbers, keys),
        ranks={key: ranks(names, found[key]) for key in keys},
        bands=bands_of(systems, keys),
        flips=flips_of(systems, people or {}),
        signature=first.signature,
        settings=f"{settings.resampling.settings}|rounds:{testing.rounds}",
        notes=_notes(reports, keys),
    )


def require_same_images(systems: Mapping[str, tuple[Report, Evidence]]) -> None:
    """Raise an error where systems were not scored on the same images.

    Parameters
    ----------
    systems : mapping of str to (Report, Evidence)
        The systems.

    Raises
    ------
    AlignmentError
    """
    (name, (_, own)), *others = systems.items()
    for other, (_, evidence) in others:
        apart = sorted(set(own.image_ids) ^ set(evidence.image_ids))
        if apart:
            raise AlignmentError(
                f"{name} was scored on {len(own):,} images and {other} on {len(evidence):,}; {len(apart):,} are in one "
                f"of them only, the first: {apart[0]!r}"
            )


def require_same_units(systems: Mapping[str, tuple[Numbers, Sequence[str]]]) -> None:
    """Raise an error where an image is in different clusters, of evidence with different attributes.

    Parameters
    ----------
    systems : mapping of str to (Numbers, sequence of str)
        The numbers of each system, and the ids of its images.

    Raises
    ------
    UsageError
    """
    unit_of = {
        name: dict(zip(ids, [own.units.names[unit] for unit in own.units.of_image.tolist()], strict=True))
        for name, (own, ids) in systems.items()
    }
    (name, first), *others = unit_of.items()
    for other, second in others:
        image = min((image for image in first if first[image] != second[image]), default=None)
        if image is not None:
            raise UsageError(
                f"cluster: {image!r} is in {first[image]!r} for {name} and in {second[image]!r} for {other}; their "
                "annotations have different attributes"
            )


def require_comparable(key: str, systems: Mapping[str, tuple[Report, Evidence]]) -> None:
    """Raise an error where a metric was measured by other rules, or on other true points.

    Parameters
    ----------
    key : str
        The metric.
    systems : mapping of str to (Report, Evidence)
        The systems.

    Raises
    ------
    UsageError
        The message names the fields that differ.
    """
    (name, (report, _)), *others = systems.items()
    own = comparison_key(key, report.signature, report.annotations)
    for other, (second, _) in others:
        theirs = comparison_key(key, second.signature, second.annotations)
        if theirs == own:
            continue
        fields = [signature_fields(each.signature)[1] for each in (report, second)]
        apart = sorted({option for option, _ in {*own.options} ^ {*theirs.options}})
        rules = [f"{option} is {fields[0].get(option, 'none')} and {fields[1].get(option, 'none')}" for option in apart]
        columns = sorted({column for column, _ in {*own.columns} ^ {*theirs.columns}})
        rules += [f"their annotations differ in {listed(columns)}"] if columns else []
        rules = rules or [own.difference(theirs)]
        raise UsageError(f"{name} and {other} can't be compared on {key}: {'; '.join(rules)}")


def compared_keys(reports: Sequence[Report], metrics: Sequence[str]) -> list[str]:
    """Return the keys on which systems are compared.

    Parameters
    ----------
    reports : sequence of Report
        The reports of the systems.
    metrics : sequence of str
        The metrics; by default all that every system has, without the parts of a mean and plain counts.

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        If a metric was not measured for each of them, or nothing can be compared.
    """
    shared = [key for key in reports[0].values if all(key in report.values for report in reports)]
    if metrics:
        wanted = [canonical(metric) for metric in metrics]
        for metric in wanted:
            if not any(key == metric or key.startswith((f"{metric}@", f"{metric}=")) for key in shared):
                raise UsageError(f"{metric} was not measured for each system{did_you_mean(metric, shared)}")
        return [key for key in shared if any(key == own or key.startswith(f"{own}=") for own in wanted)]
    heads = [key for key in shared if key.partition("@")[0] == key or key.partition("@")[0] not in shared]
    keys = [key for key in heads if split_label(key)[0].name not in COUNTS]
    if not keys:
        raise UsageError("the systems have no metric in common")
    return keys


def _testing(settings: Settings, keys: Sequence[str], protocol: Protocol) -> Testing:
    """Return how differences are tested; raise UsageError for a margin without its metric, or without sense."""
    margins: dict[str, float] = {}
    for name, margin in settings.margins.items():
        key = canonical(name)
        if key not in keys:
            raise UsageError(f"margin: {key} is not compared{did_you_mean(key, keys)} (compared: {listed(keys)})")
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < math.inf:
            raise UsageError(f"margin: expected a number above 0 for {key}, found {margin!r}")
        margins[key] = margin
    own = settings.resampling
    return Testing(
        level=0.95 if own.level is None else own.level, resamples=own.resamples, seed=own.seed, margins=margins
    )


def _errors(numbers: Mapping[str, Numbers], keys: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the standard error by metric and system."""
    by_system = {name: errors_of(own)[0] for name, own in numbers.items()}
    return {key: {name: own[key].size for name, own in by_system.items() if key in own} for key in keys}


def _notes(reports: Sequence[Report], keys: Sequence[str]) -> tuple[str, ...]:
    """Return what was left out: metrics that only some systems have, and those that can't be tested."""
    every = list(dict.fromkeys(key for report in reports for key in report.values))
    some = [key for key in every if any(key not in report.values for report in reports)]
    untested = [key for key in keys if not is_supported(key)]
    notes = [f"not measured for each system: {listed(some)}"] if some else []
    return (*notes, *([f"not tested, their families keep no sums: {listed(untested)}"] if untested else []))
