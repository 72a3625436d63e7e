"""Extension points: a literal table each, then entry points; names are looked up lazily.

A table maps a name to ``"module:attribute"``. A name is searched in the table first, then among the entry
points of the group (``crowdeval.formats``, ``crowdeval.metrics``, ...); an unknown name is an error that
suggests the near ones. A plugin that fails to import is an error only when it is the one asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from crowdeval.errors import UsageError, did_you_mean, listed


class Extensions(Mapping[str, Any]):
    """The named objects of one extension point, imported on first use.

    Parameters
    ----------
    kind : str
        What one is called in messages: ``"format"``.
    group : str
        The entry-point group third parties register under.
    table : mapping of str to str
        The built-in ones, name to ``"module:attribute"``.
    """

    def __init__(self, kind: str, group: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = group
        self.table = dict(table)

    def __getitem__(self, name: str) -> Any:
        target = self.table.get(name)
        if target is None:
            return self._third_party(name)
        module, _, attribute = target.partition(":")
        return getattr(importlib.import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        yield from self.table
        yield from (name for name in self._entry_points() if name not in self.table)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.table or name in self._entry_points()

    def _entry_points(self) -> dict[str, Any]:
        from importlib.metadata import entry_points

        return {point.name: point for point in entry_points(group=self.group)}

    def _third_party(self, name: str) -> Any:
        point = self._entry_points().get(name)
        if point is None:
            known = list(self)
            raise UsageError(
                f"no {self.kind} is called {name!r}{did_you_mean(name, known)} (known: {listed(known, most=40)})"
            )
        try:
            return point.load()
        except Exception as problem:
            raise UsageError(f"the {self.kind} {name!r} ({point.value}) can't be imported: {problem}") from problem
