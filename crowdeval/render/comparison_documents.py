"""A comparison of systems as JSON, CSV, Markdown or LaTeX."""

from __future__ import annotations

import csv as csv_writer
import io
import math
from dataclasses import asdict
from typing import Any

import msgspec

from crowdeval.render.comparison_table import p_text, signed
from crowdeval.render.documents import escaped
from crowdeval.render.numbers import label, number, spread
from crowdeval.statistics.comparison import Difference, letters
from crowdeval.statistics.systems import Comparison

FORMAT = "crowdeval/comparison@1"


def json(comparison: Comparison) -> str:
    """Return a comparison as JSON.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    str
        ``systems``; ``metrics``: metric to the list of pairs; ``values``, ``errors`` and ``ranks`` by metric and
        system; ``bands`` and ``flips``. NaN is null.
    """
    document: dict[str, Any] = {
        "format": FORMAT,
        "systems": list(comparison.systems),
        "images": comparison.images,
        "points": comparison.points,
        "metrics": {key: [_pair(pair) for pair in pairs] for key, pairs in comparison.metrics.items()},
        "values": {key: dict(own) for key, own in comparison.values.items()},
        "errors": {key: dict(own) for key, own in comparison.errors.items()},
        "ranks": {key: dict(own) for key, own in comparison.ranks.items()},
        "bands": [asdict(band) for band in comparison.bands],
        "flips": {
            pair: {"a": [asdict(flip) for flip in own], "b": [asdict(flip) for flip in other]}
            for pair, (own, other) in comparison.flips.items()
        },
        "signature": comparison.signature,
        "settings": comparison.settings,
        "notes": list(comparison.notes),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def csv(comparison: Comparison) -> str:
    """Return a comparison as CSV: one row for each metric and pair.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    str
        Values have full precision; what is undefined is an empty field.
    """
    head = ["metric", "a", "b", "value_a", "value_b", "difference", "error", "low", "high", "p", "verdict",
            "detectable", "reliable", "n_eff", "signature", "settings"]  # fmt: skip
    text = io.StringIO()
    writer = csv_writer.writer(text, lineterminator="\n")
    writer.writerow(head)
    for key, pairs in comparison.metrics.items():
        for pair in pairs:
            low, high = pair.interval or (math.nan, math.nan)
            values = comparison.values[key]
            numbers = [values[pair.a], values[pair.b], pair.difference, pair.error, low, high, pair.p]
            cells: list[Any] = [key, pair.a, pair.b, *map(_cell, numbers), pair.verdict, _cell(pair.detectable)]
            cells += [pair.reliable, _cell(pair.effective), comparison.signature, comparison.settings]
            writer.writerow(cells)
    return text.getvalue()


def markdown(comparison: Comparison) -> str:
    """Return a comparison as a Markdown table: one row for each system, with letters where no difference is shown.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    str
        Of two systems, one row for each metric.
    """
    if len(comparison.systems) == 2:
        a, b = comparison.systems
        lines = [
            f"| metric | {_plain(a)} | {_plain(b)} | difference | interval | p | verdict |",
            f"| :-- {'| --: ' * 5}| :-- |",
        ]
        for key, (pair, *_) in comparison.metrics.items():
            own, other = (_with_error(comparison, key, name) for name in (a, b))
            cells = [label(key), own, other, signed(key, pair.difference, plus=True), _interval(key, pair)]
            lines.append(f"| {' | '.join([*cells, p_text(pair.p), pair.verdict])} |")
    else:
        keys = list(comparison.metrics)
        lines = [f"| system | {' | '.join(map(label, keys))} |", f"| :-- {'| --: ' * len(keys)}|"]
        marks = {key: letters(comparison.ordered(key), comparison.metrics[key]) for key in keys}
        for name in comparison.ordered(keys[0]):
            cells = [f"{_with_error(comparison, key, name)} {marks[key][name]}" for key in keys]
            lines.append(f"| {_plain(name)} | {' | '.join(cells)} |")
    tail = [] if len(comparison.systems) == 2 else ["Between systems that share a letter no difference is shown.", ""]
    return "\n".join([*lines, "", *tail, f"`{comparison.signature}`", f"`{comparison.settings}`"]) + "\n"


def latex(comparison: Comparison) -> str:
    r"""Return a comparison as a LaTeX table: one row for each system, with letters where no difference is shown.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    str
        The LaTeX text; it needs the package booktabs.
    """
    keys = list(comparison.metrics)
    marks = {key: letters(comparison.ordered(key), comparison.metrics[key]) for key in keys}
    lines = [
        f"% {comparison.images} images; between systems that share a letter no difference is shown",
        f"% {comparison.signature}",
        f"% {comparison.settings}",
        rf"\begin{{tabular}}{{l{'r' * len(keys)}}}",
        r"\toprule",
        rf"System & {' & '.join(escaped(label(key)) for key in keys)} \\",
        r"\midrule",
    ]
    for name in comparison.ordered(keys[0]):
        cells = [rf"{_with_error(comparison, key, name)}$^{{{marks[key][name]}}}$" for key in keys]
        cells = [cell.replace("±", r"$\pm$") for cell in cells]
        lines.append(rf"{escaped(name)} & {' & '.join(cells)} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _pair(pair: Difference) -> dict[str, Any]:
    """Return a difference as a JSON object."""
    influence = pair.influence
    return {
        **asdict(pair),
        "interval": None if pair.interval is None else list(pair.interval),
        "percentile": None if pair.percentile is None else list(pair.percentile),
        "influence": None if influence is None else [influence.image, influence.share, influence.without],
    }


def _interval(key: str, pair: Difference) -> str:
    if pair.interval is None:
        return ""
    word = {"yes": "", "rough": " rough", "no": " unreliable"}[pair.reliable]
    return f"[{signed(key, pair.interval[0])}, {signed(key, pair.interval[1])}]{word}"


def _with_error(comparison: Comparison, key: str, name: str) -> str:
    """Return the value of a system with its standard error."""
    error = comparison.errors[key].get(name)
    return number(key, comparison.values[key][name]) + ("" if error is None else f" ± {spread(key, error)}")


def _plain(name: str) -> str:
    """Return a name that does not end a cell of a Markdown table."""
    return name.replace("|", "\\|")


def _cell(value: float) -> object:
    return "" if math.isnan(value) else value
