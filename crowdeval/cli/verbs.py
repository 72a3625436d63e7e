"""A command group that imports each command when it is used, and ends with an exit code and at most one message."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from crowdeval.cli.streams import discard, ignore_write_errors
from crowdeval.cli.talk import complain, say
from crowdeval.errors import CrowdevalError, MissingFileError, did_you_mean


class Verbs(click.Group):
    """A click group that imports a command only when it is used.

    Parameters
    ----------
    package : str
        The package of the commands. Module and function of a command have the command's name.
    verbs : mapping of str to str
        The name of each command and its line in the help text. Listing them imports no command.
    plugins : str, optional
        An extension point whose table and entry points name further commands. It is read only for commands that
        ``package`` does not have.
    **options
        Further arguments of ``click.Group``.

    Examples
    --------
    >>> group = Verbs(name="crowdeval", package="crowdeval.cli", verbs={"schema": "Print a JSON Schema."})
    >>> group.get_command(click.Context(group), "schema").name
    'schema'
    """

    def __init__(self, *, package: str, verbs: Mapping[str, str], plugins: str | None = None, **options: Any) -> None:
        super().__init__(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, **options)
        self.package, self.verbs, self.plugins = package, verbs, plugins

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, or None where there is none."""
        if cmd_name in self.verbs and find_spec(f"{self.package}.{cmd_name}"):
            command: click.Command = getattr(import_module(f"{self.package}.{cmd_name}"), cmd_name)
            return command
        return self._plugin_commands().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name; suggest similar names for an unknown one."""
        name = args[0] if args else ""
        if name and name not in self.verbs and not name.startswith("-") and name not in self._plugin_commands():
            ctx.fail(f"no command is called {name!r}{did_you_mean(name, self.verbs)}")
        return super().resolve_command(ctx, args)

    def _plugin_commands(self) -> Mapping[str, click.Command]:
        """Return the commands of the extension point."""
        if self.plugins is None:
            return {}
        from crowdeval.plugins import Extensions

        commands: Mapping[str, click.Command] = Extensions("command", self.plugins)
        return commands

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))


def exit_code_of(run: Callable[[], object]) -> int:
    """Run a command and return its exit code, after one message on standard error where it failed.

    Parameters
    ----------
    run : callable without parameters
        The command; an ``int`` that it returns is the exit code, any other value means 0.

    Returns
    -------
    int
        0 for success, 130 for an interruption, 141 for a closed pipe, otherwise the ``exit_code`` of the error.

    Examples
    --------
    >>> exit_code_of(lambda: None)
    0
    >>> def fail():
    ...     raise MissingFileError("there is no file preds.json")
    >>> exit_code_of(fail)  # the message is on standard error
    4
    """
    try:
        code = run()
        sys.stdout.flush()
    except click.ClickException as problem:
        with ignore_write_errors():
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
        place = "standard output can't be written" if problem.filename is None else problem.filename
        complain(f"{place}: {problem.strerror or problem}")
        return MissingFileError.exit_code
    return code if isinstance(code, int) else 0
