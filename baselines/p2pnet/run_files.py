"""The folder of a training run: log.jsonl, best.safetensors and last.safetensors with their records, and state.pt.

``state.pt`` is all that training needs to go on, in one file written whole, so that a run that is killed at any moment
goes on from a moment that was. The log is cut back to that moment.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from baselines.p2pnet.weight_files import unpickled
from crowdeval.errors import InputError, UsageError
from crowdeval.writing import WriteError, clear_drafts, make_folder, write_file

STATE = "state.pt"
VERSION = 2


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of a run."""

    home: Path

    @property
    def log(self) -> Path:
        """One JSON object a line: steps and validations."""
        return self.home / "log.jsonl"

    @property
    def best(self) -> Path:
        """The checkpoint that validation chose."""
        return self.home / "best.safetensors"

    @property
    def last(self) -> Path:
        """The checkpoint of the last step that was saved."""
        return self.home / "last.safetensors"

    @property
    def begun(self) -> bool:
        """Whether there is a run: a start that failed before its first step left none."""
        return self.state.exists() or self.best.exists() or (self.log.exists() and self.log.stat().st_size > 0)

    @property
    def state(self) -> Path:
        """What training goes on from."""
        return self.home / STATE

    def begin(self, *, resume: bool) -> None:
        """Make the folder; refuse one that holds a run which is not to be resumed."""
        if not resume and self.begun:
            raise UsageError(f"{self.home} holds a run already: --resume goes on with it, another --out begins anew")
        make_folder(self.home)
        records = (each.with_suffix(".json") for each in (self.best, self.last))
        for path in (self.log, self.best, self.last, self.state, *records):
            clear_drafts(path)

    def save_state(self, content: Mapping[str, Any]) -> None:
        """Write the state whole."""
        held = io.BytesIO()
        torch.save({"version": VERSION, **content}, held)
        write_file(self.state, held.getvalue(), durable=True)

    def load_state(self) -> dict[str, Any] | None:
        """Return the state, or None where there is none yet."""
        if not self.state.exists():
            return None
        content = unpickled(self.state)
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise InputError(f"{self.state} is no state of this version's training")
        return content

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the log's entries."""
        return entries_of(self.log) if self.log.exists() else iter(())

    def cut_log(self, step: int) -> None:
        """Keep the log's entries up to a step."""
        kept = [json.dumps(entry) for entry in self.entries() if entry["step"] <= step]
        write_file(self.log, "".join(f"{line}\n" for line in kept).encode(), durable=True)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line to the log."""
        try:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(dict(entry)) + "\n")
        except OSError as problem:
            raise WriteError(f"{self.log} can't be written: {problem.strerror or problem}") from None


def entries_of(log: Path) -> Iterator[dict[str, Any]]:
    """Yield a log's entries; a last line that was cut off is none."""
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
