"""What two published numbers show, as text or JSON."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from crowdeval.render.comparison_table import p_text
from crowdeval.statistics.claims import ALPHA, Judgement


def table(judged: Judgement) -> str:
    """Return what two published numbers show, as plain text.

    Parameters
    ----------
    judged : Judgement
        The numbers, and what they show.

    Returns
    -------
    str

    Examples
    --------
    >>> from crowdeval.statistics.claims import judge, parse_claim
    >>> print(table(judge(parse_claim("MAE=52.74,50.29", "85.06,81.01", 182))).splitlines()[-1])
    nothing is shown unless the errors correlate above .97
    """
    claim = judged.claim
    spread = f"absolute errors vary by {claim.spreads[0]:.2f} and {claim.spreads[1]:.2f}"
    lines = [
        f"MAE {claim.a:g} and {claim.b:g} on {claim.images:,} images: a difference of {claim.a - claim.b:+.2f}",
        f"{spread}{'' if claim.known else ', as those of other methods there'}",
        "",
        "correlation of the errors   standard error      p",
    ]
    lines += [f"{_number(r):>25}   {error:>14.2f}  {p_text(p):>5}" for r, error, p in judged.errors]
    return "\n".join([*lines, "", _sentence(judged)]) + "\n"


def json(judged: Judgement) -> str:
    """Return what two published numbers show, as JSON.

    Parameters
    ----------
    judged : Judgement
        The numbers, and what they show.

    Returns
    -------
    str
    """
    errors = [{"r": r, "error": error, "p": p} for r, error, p in judged.errors]
    document = {**asdict(judged.claim), "errors": errors, "break_even": judged.break_even}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _sentence(judged: Judgement) -> str:
    """Return the sentence about the correlation that the difference needs."""
    if len(judged.errors) == 1:  # the correlation is known
        (_, _, p), *_ = judged.errors
        return "the difference is significant" if p < ALPHA else "nothing is shown"
    if not judged.break_even < 1:
        return "nothing is shown, however well the errors correlate"
    if judged.break_even < 0:
        return "the difference is significant even if the errors do not correlate"
    needed = f"{judged.break_even:.4f}".lstrip("0") if judged.break_even > 0.99 else _number(judged.break_even)
    return f"nothing is shown unless the errors correlate above {needed}"


def _number(r: float) -> str:
    return f"{r:.2f}".lstrip("0") if 0 <= r < 1 else f"{r:.2f}"
