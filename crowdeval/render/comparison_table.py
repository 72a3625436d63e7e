"""A comparison of systems as plain text of 80 columns, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from crowdeval.evaluation.notices import amount
from crowdeval.metrics.strings import signature_fields
from crowdeval.render.numbers import label, number, some, spread
from crowdeval.statistics.comparison import Difference
from crowdeval.statistics.systems import Comparison
from crowdeval.statistics.where import Band, Flip

WIDTH = 80


def table(comparison: Comparison) -> str:
    """Return a comparison as plain text.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    str
        Two systems in one table; of more, one table for each metric, best first.

    Examples
    --------
    >>> pair = Difference(a="x", b="y", difference=-2.0, error=0.5, interval=(-3.0, -1.0), p=0.001, verdict="better",
    ...                   detectable=1.4, reliable="yes", effective=90.0)
    >>> text = table(Comparison(systems=("x", "y"), images=182, points=78862, metrics={"MAE": [pair]},
    ...              values={"MAE": {"x": 50.0, "y": 52.0}}, errors={"MAE": {}}, ranks={}, bands=[], flips={},
    ...              signature="crowdeval@2|k:3", settings="intervals@1|ci:none"))
    >>> print(text.splitlines()[6])
    MAE     50.00  52.00  -2.00  [-3.00, -1.00]  .001  better
    """
    many = len(comparison.systems) > 2
    lines = [*_head(comparison), ""]
    lines += _by_metric(comparison) if many else _pairs(comparison)
    lines += [*_remarks(comparison)]
    if not many:
        lines += [*_bands(comparison), *_flips(comparison)]
    lines += [f"note: {text}" for text in comparison.notes]
    lines += ["", f"signature  {comparison.signature}", f"intervals  {comparison.settings}"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(comparison: Comparison) -> list[str]:
    """Return the systems and the test set."""
    marks = [chr(65 + n) if n < 26 else str(n) for n in range(len(comparison.systems))]
    lines = [f"{mark}  {name}" for mark, name in zip(marks, comparison.systems, strict=True)]
    return [*lines, f"{amount(comparison.images, 'image')}, {amount(comparison.points, 'true point')}"]


def _level(comparison: Comparison) -> str:
    level = signature_fields(comparison.settings)[1].get("ci", "none")
    return "95%" if level == "none" else f"{float(level) * 100:g}%"


def _pairs(comparison: Comparison) -> list[str]:
    """Return the table of two systems: one line for each metric."""
    a, b = comparison.systems
    rows = [("metric", "A", "B", "A - B", f"{_level(comparison)} interval", "p", "A is")]
    for key, (pair, *_) in comparison.metrics.items():
        values = comparison.values[key]
        rows.append((label(key), number(key, values[a]), number(key, values[b]), *_cells(key, pair)))
    return _aligned(rows, ">" * 3)


def _by_metric(comparison: Comparison) -> list[str]:
    """Return one table for each metric: the systems by rank, each against the best."""
    lines: list[str] = []
    for key in comparison.metrics:
        ranks, values, order = comparison.ranks[key], comparison.values[key], comparison.ordered(key)
        rows = [(label(key), "rank", "value", "- best", f"{_level(comparison)} interval", "p", "is")]
        for name in order:
            first, last = ranks[name]
            shared = str(first) if first == last else f"{first}-{last}"
            error = comparison.errors[key].get(name)
            value = number(key, values[name]) + (f" ± {spread(key, error)}" if error is not None else "")
            cells = ("",) * 4 if name == order[0] else _cells(key, comparison.pair(key, name, order[0]))
            rows.append((name, shared, value, *cells))
        room = WIDTH - sum(2 + max(len(row[n]) for row in rows) for n in range(1, len(rows[0]))) - 2
        short = [(f"  {_short(name, max(room, _NAME))}", *cells) for name, *cells in rows[1:]]
        lines += [*_aligned([rows[0], *short], ">" * 3), ""]
    return lines[:-1]


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"...{name[3 - most :]}"


_NAME = 8
"""Number of characters that the name of a system keeps in a table of several, at least."""


def _cells(key: str, pair: Difference) -> tuple[str, str, str, str]:
    """Return the difference, its interval, p and the verdict as text."""
    mark = {"yes": "", "rough": "~", "no": "?"}[pair.reliable]
    interval = (
        "" if pair.interval is None else f"[{signed(key, pair.interval[0])}, {signed(key, pair.interval[1])}]{mark}"
    )
    return signed(key, pair.difference, plus=True), interval, p_text(pair.p), pair.verdict


def signed(key: str, value: float, *, plus: bool = False) -> str:
    """Return a difference as text, with the digits of its metric.

    Parameters
    ----------
    key : str
        The metric.
    value : float
        The difference.
    plus : bool
        Whether a positive one has a sign.

    Returns
    -------
    str

    Examples
    --------
    >>> signed("MAE", 3.0, plus=True), signed("nAP", -0.02)
    ('+3.00', '-0.0200')
    """
    text = number(key, value)
    if math.isfinite(value) and float(text.replace(",", "")) == 0:
        return number(key, 0.0)
    return f"+{text}" if plus and value > 0 else text


def p_text(p: float) -> str:
    """Return a p-value as text.

    Parameters
    ----------
    p : float
        The p-value; NaN where there is none.

    Returns
    -------
    str

    Examples
    --------
    >>> p_text(0.0256), p_text(0.0001), p_text(1.0), p_text(float("nan"))
    ('.026', '<.001', '1', '')
    """
    if math.isnan(p):
        return ""
    return "<.001" if p < 0.0005 else "1" if p > 0.9995 else f"{p:.3f}".lstrip("0")


def _remarks(comparison: Comparison) -> list[str]:
    """Return the sentences that explain marks: which image carries a difference, what would be found."""
    lines: list[str] = []
    reasons: dict[str, list[str]] = {}
    pairs = [(key, pair) for key, own in comparison.metrics.items() for pair in own]
    for key, pair in pairs:
        who = "" if len(comparison.systems) == 2 else f" of {pair.a} and {pair.b}"
        if pair.verdict == "undecided" and pair.influence is not None and not pair.reason:
            own = pair.influence
            without = f"; without it {signed(key, own.without, plus=True)}" if not who else ""
            lines.append(f"{label(key)}{who}: {own.image} carries {own.share:.0%} of the variance{without}")
        elif pair.verdict == "undecided" and pair.reason:
            reasons.setdefault(pair.reason, []).append(f"{label(key)}{who}")
        elif pair.verdict == "undecided" and len(comparison.systems) == 2:
            lines.append(f"{label(key)}: a difference of {number(key, pair.detectable)} would be found here")
    lines += [f"{some(names)}: {reason}" for reason, names in reasons.items()]
    marks = {pair.reliable for _, pair in pairs if pair.interval is not None}
    lines += ["~  rough: fewer than 20 effective images"] if "rough" in marks else []
    lines += ["?  not to be trusted: a few images decide"] if "no" in marks else []
    return ["", *lines] if lines else []


def _bands(comparison: Comparison) -> list[str]:
    """Return the first metrics of two systems on groups of images."""
    keys = [key for key in comparison.metrics if comparison.bands and key in comparison.bands[0].values][:_METRICS]
    if not keys:
        return []
    heads = [text for key in keys for text in (f"{label(key)} A", "B")]
    rows: list[tuple[str, ...]] = [("where", "images", *heads)]
    rows += [(f"{band.name} {band.label}", f"{band.images:,}", *_values(band, keys)) for band in comparison.bands]
    return ["", *_aligned(rows, ">" * (1 + len(heads)))]


_METRICS = 2
"""Number of metrics in the table of groups."""


def _values(band: Band, keys: Sequence[str]) -> list[str]:
    return [number(key, value) for key in keys for value in band.values[key]]


def _flips(comparison: Comparison) -> list[str]:
    """Return the images in which one of two systems found most that the other missed."""
    lines: list[str] = []
    by_person = False
    for sides in comparison.flips.values():
        for side, (title, flips) in enumerate(zip(("A, not B", "B, not A"), sides, strict=True)):
            if flips:
                by_person = by_person or flips[0].a_alone is not None
                lines.append(f"{title}: {', '.join(_flip(flip, side) for flip in flips[:_IMAGES])}")
    if not lines:
        return []
    head = "people found by one alone" if by_person else "images with the largest differences: A / B of true points"
    return ["", head, *lines]


_IMAGES = 4
"""Number of images of each side that are printed."""


def _flip(flip: Flip, side: int) -> str:
    alone = flip.b_alone if side else flip.a_alone
    if alone is None:
        return f"{flip.image} {flip.a:.0f} / {flip.b:.0f} of {flip.true}"
    return f"{flip.image} {alone:,} of {flip.true:,}"


def _aligned(rows: Sequence[Sequence[str]], right: str) -> list[str]:
    """Return rows as lines; the columns behind the first are aligned to the right, as many as ``right`` says."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if 0 < i <= len(right) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "─" * max(map(len, lines))
    return [lines[0], rule, *lines[1:]]
