"""The two sides of a report: name, fingerprint, number of points, and a hash of each column; which of them count.

Numbers compare where what their metric reads is equal: fields of the signature, and columns of the annotations.
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
"""Columns with a row an image, beside the attributes; the others have a row a point."""


TEST_SET = {"ids", "points", "fingerprint"}
"""Columns that make a test set another one, whatever else differs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One of the two inputs.

    Attributes
    ----------
    name : str
        What it is called.
    fingerprint : str
        Hash of ids, points and what goes with every point.
    points : int
        Number of points.
    hashes : mapping of str to str
        Hash of each column by itself: ``ids``, ``points``, ``sizes``, ``attribute:weather``, ...; empty where it is not
        known, in a report of the first version.
    """

    name: str
    fingerprint: str
    points: int
    hashes: Mapping[str, str] = field(default_factory=dict)


def sides_of(evidence: Evidence) -> tuple[Side, Side]:
    """Return the predictions' and the annotations' side."""
    ids, given = id_hashes(evidence.image_ids), evidence.images.get("given")
    sides = []
    for n, (side, columns, rows) in enumerate(
        (
            ("predictions", ("scores",), int(evidence.offsets[-1])),
            ("annotations", ("boxes", "radii"), int(evidence.images["true"].sum())),
        )
    ):
        lanes = {name.partition(":")[2]: lane for name, lane in evidence.lanes.items() if name.startswith(f"{side}:")}
        there = [True, *(name in lanes for name in columns)]
        counts = given if side == "predictions" else None
        hashes = {
            name: column_digest(name, len(ids), 0 if _of_images(name) else rows, lane)
            for name, lane in sorted(lanes.items())
            if name != "fingerprint"
        }
        digest = side_digest(side, ids, rows, lanes["fingerprint"], there=there, counts=counts)
        sides.append(Side(name=evidence.names[n], fingerprint=digest, points=rows, hashes=hashes))
    return sides[0], sides[1]


@dataclass(frozen=True, slots=True)
class Key:
    """What two results must have in common for a value to be comparable.

    Attributes
    ----------
    revision : int
        Of the definitions; 0 where a signature names none.
    options : tuple of (str, str)
        Fields of the signature that the value depends on.
    columns : tuple of (str, str)
        Columns of the annotations that it depends on, with their hashes; the fingerprint alone where hashes are not
        known.
    """

    revision: int
    options: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]

    def difference(self, other: Key) -> str:
        """Return in words what sets two apart; empty where nothing does.

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
    """Return what another result must have in common for a value to be comparable.

    Parameters
    ----------
    value : str
        The key of a value in a report: a metric string, perhaps with ``=LABEL`` of a group.
    signature : str
        The signature it was measured under.
    annotations : Side
        What it was measured on.
    """
    head, fields = signature_fields(signature)
    found = reads_of(value)
    options = sorted(fields) if found is None else sorted({*found.options, *ALWAYS} & fields.keys())
    if not fields:
        fields, options = {"signature": head}, ["signature"]
    chosen = tuple((name, fields[name]) for name in options if name not in ("preset", "metrics"))
    digits = head.partition("@")[2]
    revision = int(digits) if digits.isdecimal() else 0
    if not annotations.hashes:
        return Key(revision, chosen, (("fingerprint", annotations.fingerprint),))
    names = set(annotations.hashes) if found is None else {"ids", *found.columns}
    if fields.get("off", "keep") != "keep" or (fields.get("lone") == "diagonal" and "lone" in options):
        names.add("sizes")
    return Key(revision, chosen, tuple((name, annotations.hashes.get(name, "")) for name in sorted(names)))


def reads_of(value: str) -> Reads | None:
    """Return what a value depends on; None for everything, as of a metric that nobody lists.

    >>> sorted(reads_of("MAE by weather=3").columns)
    ['attribute:weather', 'points']
    """
    name, by, group = value.partition(" by ")
    try:
        metric = Metric.parse(f"{name}{by}{group.partition('=')[0]}" if by else value)
        family = family_of(metric)
    except UsageError:
        return None
    return family.reads(metric) if has_evidence(family) else None


def _of_images(column: str) -> bool:
    return column in OF_IMAGES or column.startswith("attribute:")
