"""crowdeval schema: print the JSON Schema of the native JSON formats."""

from __future__ import annotations

import json

import click


@click.command(short_help="Print the JSON Schema of the native JSON formats.")
@click.argument("kind", type=click.Choice(["predictions", "annotations"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of a native JSON file of predictions or annotations.

    A JSON Schema lists the keys and types of a file. Editors and validators read it.

    \b
    Examples:
      crowdeval schema predictions
      crowdeval schema annotations > annotations.schema.json
    """
    from crowdeval.formats.schema import schema as schema_of

    click.echo(json.dumps(schema_of(kind), indent=2))  # type: ignore[arg-type]
