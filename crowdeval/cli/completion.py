"""crowdeval completion: the script that makes a shell complete the command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from crowdeval.errors import UsageError


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash   echo 'eval "$(crowdeval completion bash)"' >> ~/.bashrc
    zsh    echo 'eval "$(crowdeval completion zsh)"' >> ~/.zshrc
    fish   crowdeval completion fish > ~/.config/fish/completions/crowdeval.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise UsageError(f"click knows no completion for {shell}")
    click.echo(found(ctx.find_root().command, {}, "crowdeval", "_CROWDEVAL_COMPLETE").source())
