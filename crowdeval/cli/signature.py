"""crowdeval signature: what each field of a signature means."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import offered
from crowdeval.cli.inputs import put

if TYPE_CHECKING:
    from crowdeval.evaluation.protocol import Protocol


@click.command(short_help="Explain the signature printed with every number.")
@click.argument("signature", required=False, shell_complete=offered((), files=True))
def signature(signature: str | None) -> None:
    """Explain SIGNATURE, or the signature of a report file, or without an argument that of the paper's protocol.

    \b
    crowdeval signature
    crowdeval signature report.json
    """
    from crowdeval.evaluation.protocol import EXPLAINED

    protocol = _protocol(signature)
    head, *parts = protocol.signature.split("|")
    width = max(len(part) for part in parts)
    lines = [f"{head.ljust(width)}  the revision of the definitions; it rises when a number would change"]
    lines += [f"{part.ljust(width)}  {EXPLAINED[part.partition(':')[0]]}" for part in parts]
    measured = ", ".join(protocol.all_metrics)
    put("\n".join([*lines, "", f"measures {measured}", "", protocol.signature, ""]), None)


def _protocol(text: str | None) -> Protocol:
    from crowdeval.evaluation.protocol import PAPER, Protocol
    from crowdeval.leaderboards.report_files import read_report

    if text is None:
        return PAPER
    if "|" in text or not (os.path.exists(text) or os.path.splitext(text)[1]):
        return Protocol.parse(text)
    return read_report(text).protocol
