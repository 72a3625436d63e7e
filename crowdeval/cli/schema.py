"""crowdeval schema: the JSON Schema of the native formats."""

from __future__ import annotations

import json

import click


@click.command(short_help="Print the JSON Schema of the native formats.")
@click.argument("kind", type=click.Choice(["predictions", "annotations"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of native predictions or annotations."""
    from crowdeval.formats.schema import schema as schema_of

    click.echo(json.dumps(schema_of(kind), indent=2))  # type: ignore[arg-type]
