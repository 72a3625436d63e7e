"""crowdeval signature: what each field of a signature means."""

from __future__ import annotations

from pathlib import Path

import click

from crowdeval.cli.inputs import put
from crowdeval.protocol import EXPLAINED, PAPER, REVISION, Protocol
from crowdeval.report import Report


@click.command(short_help="Explain the signature printed with every number.")
@click.argument("signature", required=False)
def signature(signature: str | None) -> None:
    """Explain SIGNATURE, or the signature of a report file, or without an argument that of the paper's protocol.

    \b
    crowdeval signature
    crowdeval signature report.json
    """
    protocol = _protocol(signature)
    parts = protocol.signature.split("|")[1:]
    width = max(len(part) for part in parts)
    lines = [f"{REVISION.ljust(width)}  the revision of the definitions; it rises when a number would change"]
    lines += [f"{part.ljust(width)}  {EXPLAINED[part.partition(':')[0]]}" for part in parts]
    measured = ", ".join(protocol.all_metrics)
    put("\n".join([*lines, "", f"measures {measured}", "", protocol.signature, ""]), None)


def _protocol(text: str | None) -> Protocol:
    if text is None:
        return PAPER
    if "|" not in text and Path(text).is_file():
        return Report.from_json(Path(text).read_bytes(), name=text).protocol
    return Protocol.parse(text)
