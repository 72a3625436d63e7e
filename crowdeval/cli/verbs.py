"""A command line of verbs, each a module: imported when it is used, ended by one message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from crowdeval.cli.streams import best_effort, discard
from crowdeval.cli.talk import complain, say
from crowdeval.errors import CrowdevalError, MissingFileError, did_you_mean


class Verbs(click.Group):
    """A group that imports a verb only when it is used.

    Parameters
    ----------
    package : str
        Where the verbs are: module and command have the verb's name.
    verbs : mapping of str to str
        Verb to its sentence in the list, which costs no import.
    plugins : str, optional
        The extension point whose table and entry points name further verbs; looked at only where ``package`` has none.
    """

    def __init__(self, *, package: str, verbs: Mapping[str, str], plugins: str | None = None, **options: Any) -> None:
        super().__init__(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, **options)
        self.package, self.verbs, self.plugins = package, verbs, plugins

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb's command."""
        if cmd_name in self.verbs and find_spec(f"{self.package}.{cmd_name}"):
            command: click.Command = getattr(import_module(f"{self.package}.{cmd_name}"), cmd_name)
            return command
        further = self._further()
        return further.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the near verbs when one is unknown."""
        if args and args[0] not in self.verbs and not args[0].startswith("-") and args[0] not in self._further():
            ctx.fail(f"no command is called {args[0]!r}{did_you_mean(args[0], self.verbs)}")
        return super().resolve_command(ctx, args)

    def _further(self) -> Mapping[str, click.Command]:
        """Return the verbs that the extension point names."""
        if self.plugins is None:
            return {}
        from crowdeval.plugins import Extensions

        commands: Mapping[str, click.Command] = Extensions("command", self.plugins)
        return commands

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))


def exit_code_of(run: Callable[[], object]) -> int:
    """Run a command; return its exit code, after one message where something went wrong."""
    try:
        code = run()
        sys.stdout.flush()
    except click.ClickException as problem:
        with best_effort():
            problem.show()
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return 130
    except CrowdevalError as problem:
        complain(problem)
        return problem.exit_code
    except BrokenPipeError:
        discard(sys.stdout)
        return 141
    except OSError as problem:
        discard(sys.stdout)
        where = "standard output can't be written" if problem.filename is None else problem.filename
        complain(f"{where}: {problem.strerror or problem}")
        return MissingFileError.exit_code
    return code if isinstance(code, int) else 0
