"""crowdeval completion: print the script that makes a shell complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from crowdeval.errors import UsageError


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script with which a shell completes commands, options and names at the Tab key.

    Run the line of your shell once, then open a new terminal.

    \b
    Examples:
      echo 'eval "$(crowdeval completion bash)"' >> ~/.bashrc
      echo 'eval "$(crowdeval completion zsh)"' >> ~/.zshrc
      crowdeval completion fish > ~/.config/fish/completions/crowdeval.fish
    """
    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise UsageError(f"the installed version of click has no completion for {shell}")
    click.echo(completion_class(ctx.find_root().command, {}, "crowdeval", "_CROWDEVAL_COMPLETE").source())
