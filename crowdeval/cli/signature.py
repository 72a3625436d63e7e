"""crowdeval signature: explain each field of a signature."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import completer
from crowdeval.cli.inputs import write_result

if TYPE_CHECKING:
    from crowdeval.evaluation.protocol import Protocol


@click.command(short_help="Explain the signature printed with every number.")
@click.argument("signature", required=False, shell_complete=completer((), files=True))
def signature(signature: str | None) -> None:
    """Explain the signature that stands with every number: one line for each option of the evaluation.

    SIGNATURE is a signature (in quotes, because of its | characters) or a report file. The default is the signature of
    the paper's protocol.

    \b
    Examples:
      crowdeval signature
      crowdeval signature report.json
    """
    from crowdeval.evaluation.protocol import EXPLAINED

    protocol = _protocol(signature)
    head, *parts = protocol.signature.split("|")
    width = max(len(part) for part in parts)
    lines = [f"{head.ljust(width)}  the revision of the definitions; a change of them that alters numbers increases it"]
    lines += [f"{part.ljust(width)}  {EXPLAINED[part.partition(':')[0]]}" for part in parts]
    measured = ", ".join(protocol.all_metrics)
    write_result("\n".join([*lines, "", f"measures {measured}", "", protocol.signature, ""]), None)


def _protocol(text: str | None) -> Protocol:
    """Return the protocol of a signature or of a report file; that of the paper by default."""
    from crowdeval.evaluation.protocol import PAPER, Protocol
    from crowdeval.leaderboards.report_files import read_report

    if text is None:
        return PAPER
    if "|" in text or not (os.path.exists(text) or os.path.splitext(text)[1]):
        return Protocol.parse(text)
    return read_report(text).protocol
