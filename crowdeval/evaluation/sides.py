"""The two sides of a report, predictions and annotations, and the rule for comparing values of different reports.

Two values of a metric can be compared if everything that the metric reads is equal: fields of the signature, and
columns of the annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crowdeval.errors import UsageError
from crowdeval.metrics import family_of
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Reads, has_evidence
from crowdeval.metrics.strings import Metric, signature_fields
from crowdeval.points.fingerprints import column_digest, id_hashes, side_digest

ALWAYS = ("miss", "ids", "off")
"""Fields of a signature that every metric depends on."""

OF_IMAGES = ("ids", "sizes", "counts")
"""Columns with one row for each image, as attributes have; all other columns have one row for each point."""

TEST_SET = {"ids", "points", "counts", "fingerprint"}
"""Columns that identify a test set: if one of them differs, the test sets are different."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One of the two inputs of an evaluation.

    Attributes
    ----------
    name : str
        Name of the input, usually that of its file.
    fingerprint : str
        Hash of the ids, the points, and the columns that belong to the points.
    points : int
        Number of points.
    hashes : mapping of str to str
        Hash of each column by itself: ``ids``, ``points``, ``sizes``, ``attribute:weather``, ... Empty for a report of
        version 1, which has none.
    changes : mapping of str to str
        What was done to the side before scoring: ``frame``, ``class``, ``ids``, ``extra``, ``only``.
    """

    name: str
    fingerprint: str
    points: int
    hashes: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """The number of points, with its noun; ``counts only`` for a side without points that has counts."""
        if not self.points and "counts" in self.hashes:
            return "counts only"
        return f"{self.points:,} point{'s' * (self.points != 1)}"

    @property
    def changes_text(self) -> str:
        """The changes made to the side before scoring, in one line; empty without changes."""
        return ", ".join(f"{name} {text}" for name, text in sorted(self.changes.items()))


def sides_of(evidence: Evidence) -> tuple[Side, Side]:
    """Return the two sides of a report from its evidence.

    Parameters
    ----------
    evidence : Evidence
        Evidence of a set, with the sums of hashes (``lanes``) of both sides.

    Returns
    -------
    (Side, Side)
        Predictions and annotations.

    Examples
    --------
    >>> from crowdeval import Annotations, Predictions, evidence_of
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[10.0, 10.0]])
    >>> predictions = Predictions(image_ids=["a"], offsets=[0, 0], xy=[])
    >>> [side.points for side in sides_of(evidence_of(predictions, truth))]
    [0, 1]
    """
    ids = id_hashes(evidence.image_ids)
    true = evidence.images["true"]
    counted = "annotations:counts" in evidence.lanes
    given = {"predictions": evidence.images.get("given"), "annotations": true.astype(float) if counted else None}
    sides = []
    for n, (side, optional, rows) in enumerate(
        (
            ("predictions", ("scores",), int(evidence.offsets[-1])),
            ("annotations", ("boxes", "radii"), 0 if counted else int(true.sum())),
        )
    ):
        lanes = {name.partition(":")[2]: lane for name, lane in evidence.lanes.items() if name.startswith(f"{side}:")}
        present = [True, *(name in lanes for name in optional)]
        hashes = {
            name: column_digest(name, len(ids), 0 if _of_images(name) else rows, lane)
            for name, lane in sorted(lanes.items())
            if name != "fingerprint"
        }
        digest = side_digest(side, ids, rows, lanes["fingerprint"], present=present, counts=given[side])
        own = {name.partition(":")[2]: text for name, text in evidence.changes.items() if name.startswith(f"{side}:")}
        sides.append(Side(name=evidence.names[n], fingerprint=digest, points=rows, hashes=hashes, changes=own))
    return sides[0], sides[1]


@dataclass(frozen=True, slots=True)
class Key:
    """The things that a value depends on; two values of a metric can be compared if their keys are equal.

    Attributes
    ----------
    revision : int
        Revision of the definitions; 0 if the signature does not name one.
    options : tuple of (str, str)
        Fields of the signature that the value depends on.
    columns : tuple of (str, str)
        Columns of the annotations that it depends on, with their hashes; the fingerprint alone if there are no hashes.
    """

    revision: int
    options: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]

    def difference(self, other: Key) -> str:
        """Return a description of the differences from another key.

        Parameters
        ----------
        other : Key
            The key of another value of the same metric.

        Returns
        -------
        str
            The differences, separated by commas; empty if the keys are equal.

        Examples
        --------
        >>> Key(2, (("k", "3"),), (("points", "1f"), ("sizes", "0a"))).difference(Key(2, (), (("points", "1f"),)))
        'other sizes, other protocol'
        """
        parts = []
        names = [name for name, _ in sorted({*self.columns} ^ {*other.columns})]
        if TEST_SET & set(names):
            parts.append("other test set")
        else:
            parts += [f"other {name.replace(':', ' ')}" for name in dict.fromkeys(names)]
        if self.options != other.options:
            parts.append("other protocol")
        if self.revision != other.revision:
            parts.append(f"crowdeval@{self.revision}")
        return ", ".join(parts)


def comparison_key(value: str, signature: str, annotations: Side) -> Key:
    """Return the key that another result must share for its value to be comparable.

    Parameters
    ----------
    value : str
        The key of a value in a report: a metric string, for a group with ``=LABEL``.
    signature : str
        The signature of the protocol that it was measured with.
    annotations : Side
        The annotations that it was measured on.

    Returns
    -------
    Key
        The revision, options and columns that the value depends on.

    Examples
    --------
    >>> truth = Side(name="gt.json", fingerprint="ab", points=9, hashes={"ids": "1f", "points": "2e", "sizes": "3d"})
    >>> key = comparison_key("MAE", "crowdeval@2|k:3|miss:error|ids:exact|off:keep|count:0.5", truth)
    >>> [name for name, _ in key.options], [name for name, _ in key.columns]
    (['count', 'ids', 'miss', 'off'], ['ids', 'points'])
    """
    head, fields = signature_fields(signature)
    needed = _reads(value)
    options = sorted(fields) if needed is None else sorted({*needed.options, *ALWAYS} & fields.keys())
    if not fields:
        # A text without fields is compared as a whole.
        fields, options = {"signature": head}, ["signature"]
    chosen = tuple((name, fields[name]) for name in options if name not in ("preset", "metrics"))
    digits = head.partition("@")[2]
    revision = int(digits) if digits.isdecimal() else 0
    if not annotations.hashes:
        return Key(revision, chosen, (("fingerprint", annotations.fingerprint),))
    names = set(annotations.hashes) if needed is None else {"ids", *needed.columns}
    # Image sizes count only if an option uses them: to drop or clip points, or as the scale of a lone point.
    if fields.get("off", "keep") != "keep" or (fields.get("lone") == "diagonal" and "lone" in options):
        names.add("sizes")
    if "counts" in annotations.hashes:
        names.add("counts")
    return Key(revision, chosen, tuple((name, annotations.hashes.get(name, "")) for name in sorted(names)))


def _reads(value: str) -> Reads | None:
    """Return the options and columns that a value depends on; None, which means all, for an unknown metric."""
    name, by, group = value.partition(" by ")
    try:
        metric = Metric.parse(f"{name}{by}{group.partition('=')[0]}" if by else value)
        family = family_of(metric)
    except UsageError:
        return None
    return family.reads(metric) if has_evidence(family) else None


def _of_images(column: str) -> bool:
    """Return whether a column has one row for each image."""
    return column in OF_IMAGES or column.startswith("attribute:")
