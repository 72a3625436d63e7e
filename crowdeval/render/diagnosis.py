"""A diagnosis as a sheet of 80 columns, JSON, CSV or Markdown."""

from __future__ import annotations

import csv as csv_writer
import io
import math
from dataclasses import asdict

import msgspec

from crowdeval.diagnosis.causes import NAMES
from crowdeval.diagnosis.costs import Cost
from crowdeval.diagnosis.diagnose import Diagnosis
from crowdeval.diagnosis.places import blind_strips
from crowdeval.metrics.strings import number_text

FORMAT = "crowdeval/diagnosis@1"

WORDS = {
    "duplicate": "duplicates of a person that is found",
    "displaced": "displaced: a person missed by at most 4 delta",
    "background": "background: nobody near",
    "missed_clump": "missed in a clump, close to a hit",
    "missed_alone": "missed alone",
    "ranking": "ranking: false positives before hits",
}


def table(diagnosis: Diagnosis) -> str:
    """Return a diagnosis as a sheet that fits one screen.

    Parameters
    ----------
    diagnosis : Diagnosis
        The diagnosis.

    Returns
    -------
    str
    """
    at = number_text(diagnosis.delta)
    lines = [
        f"{diagnosis.name}: nAP@{at} {diagnosis.value:.4f}",
        f"{diagnosis.images:,} images, {diagnosis.people:,} people, {diagnosis.predictions:,} predictions, "
        f"{diagnosis.hits:,} hits",
        *_leads(diagnosis),
        "",
        *_causes(diagnosis),
        "",
        f"{diagnosis.cancelling:,} errors of the count cancel within an image",
        *_bands(diagnosis),
        *_shift(diagnosis),
        *_threshold(diagnosis),
        "",
        f"signature  {diagnosis.signature}",
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def json(diagnosis: Diagnosis) -> str:
    """Return a diagnosis as JSON: ``causes``, ``shift``, ``threshold``, ``bands``, ``worst``; NaN is null.

    Parameters
    ----------
    diagnosis : Diagnosis
        The diagnosis.

    Returns
    -------
    str
    """
    shift, own = diagnosis.shift, diagnosis.thresholds
    document = {
        "format": FORMAT,
        "name": diagnosis.name,
        "delta": diagnosis.delta,
        "nAP": diagnosis.value,
        "images": diagnosis.images,
        "people": diagnosis.people,
        "predictions": diagnosis.predictions,
        "hits": diagnosis.hits,
        "causes": {name: asdict(cost) for name, cost in diagnosis.causes.items()},
        "cancelling": diagnosis.cancelling,
        "shift": {
            "pixels": {"dx": shift.dx, "dy": shift.dy, "dx_error": shift.dx_error, "dy_error": shift.dy_error},
            "d_k": {"dx": shift.dx_scaled, "dy": shift.dy_scaled},
            "hits": shift.hits,
        },
        "threshold": None if own is None else {
            name: value.tolist() if hasattr(value, "tolist") else value for name, value in asdict(own).items()
        },
        "strips": [asdict(strip) for strip in diagnosis.strips],
        "bands": [asdict(band) for band in diagnosis.bands],
        "worst": {name: [list(pair) for pair in pairs] for name, pairs in diagnosis.worst.items()},
        "signature": diagnosis.signature,
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def csv(diagnosis: Diagnosis) -> str:
    """Return the causes of a diagnosis as CSV, one row each.

    Parameters
    ----------
    diagnosis : Diagnosis
        The diagnosis.

    Returns
    -------
    str
    """
    text = io.StringIO()
    writer = csv_writer.writer(text, lineterminator="\n")
    writer.writerow(["name", "delta", "cause", "count", "share", "cost", "error", "signature"])
    for name, own in diagnosis.causes.items():
        numbers = ["" if math.isnan(number) else number for number in (own.share, own.cost, own.error)]
        writer.writerow([diagnosis.name, diagnosis.delta, name, own.count, *numbers, diagnosis.signature])
    return text.getvalue()


def markdown(diagnosis: Diagnosis) -> str:
    """Return the causes of a diagnosis as a Markdown table.

    Parameters
    ----------
    diagnosis : Diagnosis
        The diagnosis.

    Returns
    -------
    str
    """
    lines = ["| cause | errors | share | cost in nAP |", "| :-- | --: | --: | --: |"]
    lines += [f"| {' | '.join(_cells(name, own))} |" for name, own in diagnosis.causes.items()]
    return "\n".join([*lines, "", f"`{diagnosis.signature}`"]) + "\n"


def _leads(diagnosis: Diagnosis) -> list[str]:
    """Return what stands out: a shift of all hits, and bands of the frame in which people are not found."""
    lines = []
    shift = diagnosis.shift
    if shift.is_sure and max(abs(shift.dx_scaled), abs(shift.dy_scaled)) >= _SHIFTED:
        lines.append(f"all hits are shifted by {shift.dx:+.1f}, {shift.dy:+.1f} px: see below")
    for strip in blind_strips(diagnosis.strips)[:_STRIPS]:
        ends = f"{strip.low:.0%} to {strip.high:.0%} of the {'width' if strip.axis == 'x' else 'height'}"
        lines.append(f"blind band: {strip.found:,} of {strip.people:,} people are found at {ends}")
    return ["", *lines] if lines else []


_SHIFTED = 0.05
"""Shift in units of d_k from which it stands at the top."""

_STRIPS = 2
"""Number of blind bands that are printed."""


def _causes(diagnosis: Diagnosis) -> list[str]:
    """Return the table of causes, by what they cost."""
    at = number_text(diagnosis.delta)
    order = sorted(diagnosis.causes, key=lambda name: -_number(diagnosis.causes[name].cost))
    rows = [("cause", "errors", "share", f"costs nAP@{at}"), *(_cells(name, diagnosis.causes[name]) for name in order)]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join(cell.ljust(width) if i in (0, 3) else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]  # fmt: skip
    rule = "─" * max(map(len, lines))
    return [lines[0], rule, *lines[1:], "each cost is of one repair alone; they need not add up, and all give 1"]


def _number(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _cells(name: str, own: Cost) -> tuple[str, str, str, str]:
    """Return the words, the number, the share and the cost of a cause."""
    cost = "" if math.isnan(own.cost) else f"{own.cost:.4f}"
    error = "" if math.isnan(own.error) or not cost else f" ± {own.error:.4f}"
    share = "" if math.isnan(own.share) else f"{own.share:.1%}"
    return WORDS[name], f"{own.count:,}" if name in NAMES else "", share, cost + error


def _bands(diagnosis: Diagnosis) -> list[str]:
    """Return what became of the people of each density band, in one line each."""
    if not diagnosis.bands:
        return []
    lines = ["", "people by d_k (quartiles, dense first): found, missed alone, in a clump, displaced"]
    for band in diagnosis.bands:
        shares = [band.missed.get(name, 0) / band.people for name in ("missed_alone", "missed_clump", "displaced")]
        text = "  ".join(f"{share:>6.1%}" for share in (band.found / band.people, *shares))
        lines.append(f"{band.label:>18}  {band.people:>9,}  {text}")
    return lines


def _shift(diagnosis: Diagnosis) -> list[str]:
    own = diagnosis.shift
    if not own.hits:
        return []
    line = f"hits lie {own.dx:+.2f} px across and {own.dy:+.2f} px down of their people"
    line += f" (± {own.dx_error:.2f}, {own.dy_error:.2f}; {own.dx_scaled:+.3f} and {own.dy_scaled:+.3f} d_k)"
    lines = ["", line]
    if own.is_half_a_pixel:
        lines.append("half a pixel: is the centre of a pixel a whole number in one of the two files?")
    elif own.is_sure:
        lines.append("a shift: are predictions the centre of a box, and true points the head?")
    return lines


def _threshold(diagnosis: Diagnosis) -> list[str]:
    own = diagnosis.thresholds
    if own is None or not len(own.at):
        return ["", "without confidences there is no threshold to choose"]
    lines = ["", "threshold  count      MAE  precision  recall      F1"]
    chosen = {0.5: "", own.best_mae: "best MAE", own.best_f1: "best F1"}
    for at, word in sorted((at, word) for at, word in chosen.items() if not math.isnan(at)):
        place = min(int((own.at < at).sum()), len(own.at) - 1)
        lines.append(
            f"{at:>9.3f}  {own.counts[place]:>7,.0f}  {own.mae[place]:>7.2f}  {own.precision[place]:>9.3f}  "
            f"{own.recall[place]:>6.3f}  {own.f1[place]:>6.3f}  {word}"
        )
    if not math.isnan(own.cross_mae):
        lines.append(f"chosen on other images: MAE {own.cross_mae:.2f}, F1 {own.cross_f1:.3f}")
    return lines
