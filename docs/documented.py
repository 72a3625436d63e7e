"""Count the public functions and methods whose docstring has Parameters, and those with a doctest.

``python docs/documented.py`` prints a line for each package. A function counts if neither its name nor that of its
class begins with an underscore. The docstring of a command is its help text, so commands have no Parameters.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_functions(body: list[ast.stmt]) -> Iterator[Function]:
    """Yield the public functions of a module or a class, and of its public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def has_parameters(function: Function) -> bool:
    """Return whether a function takes anything beside self."""
    names = function.args
    own = [each.arg for each in (*names.posonlyargs, *names.args, *names.kwonlyargs) if each.arg not in ("self", "cls")]
    return bool(own or names.vararg or names.kwarg)


def count(folder: Path) -> dict[str, list[int]]:
    """Return for each package: functions, those with parameters, those that document them, those with a doctest."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for path in sorted(folder.rglob("*.py")):
        package = str(path.parent.relative_to(ROOT))
        for function in public_functions(ast.parse(path.read_text(encoding="utf-8")).body):
            text = ast.get_docstring(function) or ""
            flags = (True, has_parameters(function), "Parameters\n--" in text, ">>>" in text)
            counts[package] = [number + flag for number, flag in zip(counts[package], flags, strict=True)]
    return counts


def main() -> None:
    """Print the table."""
    rows = {**count(ROOT / "crowdeval"), **count(ROOT / "baselines")}
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    print(f"{'package':30}{'public':>8}{'takes some':>12}{'Parameters':>12}{'doctest':>9}")
    for package, row in [*rows.items(), ("total", total)]:
        print(f"{package:30}{row[0]:8}{row[1]:12}{row[2]:12}{row[3]:9}")


if __name__ == "__main__":
    main()
