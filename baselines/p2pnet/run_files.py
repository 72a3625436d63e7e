"""The folder of a training run.

- ``log.jsonl``: one JSON object a line, for steps and validations;
- ``best.safetensors`` and ``last.safetensors``: the checkpoints, each with its record as ``.json``;
- ``state.pt``: everything that training needs to resume.

The state is one file that is replaced as a whole, so that a run that is killed at any moment resumes from a state that
it was in. The log is then cut back to that state.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from baselines.p2pnet.weight_files import read_torch_file
from crowdeval.errors import InputError, UsageError
from crowdeval.writing import WriteError, clear_drafts, make_folder, write_file

STATE = "state.pt"
VERSION = 2


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of a run.

    Attributes
    ----------
    home : Path
        The folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     run = RunFolder(Path(folder, "run"))
    ...     run.begin(resume=False)
    ...     run.append({"step": 1, "loss": 0.5})
    ...     run.append({"step": 2, "loss": 0.4})
    ...     run.cut_log(1)
    ...     list(run.entries())
    [{'step': 1, 'loss': 0.5}]
    """

    home: Path

    @property
    def log(self) -> Path:
        """The log: one JSON object a line, for steps and validations."""
        return self.home / "log.jsonl"

    @property
    def best(self) -> Path:
        """The checkpoint that the validation selected."""
        return self.home / "best.safetensors"

    @property
    def last(self) -> Path:
        """The checkpoint of the last saved step."""
        return self.home / "last.safetensors"

    @property
    def has_run(self) -> bool:
        """Whether the folder has a run; a start that failed before its first step leaves none."""
        return self.state.exists() or self.best.exists() or (self.log.exists() and self.log.stat().st_size > 0)

    @property
    def state(self) -> Path:
        """The state that training resumes from."""
        return self.home / STATE

    def begin(self, *, resume: bool) -> None:
        """Create the folder, and delete incomplete files of an earlier process.

        Parameters
        ----------
        resume : bool
            Whether a run that is there already is resumed.

        Raises
        ------
        UsageError
            If there is a run, and it is not to be resumed.
        WriteError
            If the folder can't be created.
        """
        if not resume and self.has_run:
            raise UsageError(
                f"{self.home}: the folder already has a run; resume it with --resume, or give another --out"
            )
        make_folder(self.home)
        records = (path.with_suffix(".json") for path in (self.best, self.last))
        for path in (self.log, self.best, self.last, self.state, *records):
            clear_drafts(path)

    def save_state(self, content: Mapping[str, Any]) -> None:
        """Write the state; after a failure the earlier state is unchanged.

        Parameters
        ----------
        content : mapping of str to Any
            Tensors and plain values.

        Raises
        ------
        WriteError
            If there is no space or no permission.
        """
        buffer = io.BytesIO()
        torch.save({"version": VERSION, **content}, buffer)
        write_file(self.state, buffer.getvalue(), durable=True)

    def load_state(self) -> dict[str, Any] | None:
        """Return the state.

        Returns
        -------
        dict of str to Any, or None
            None where no state was saved yet.

        Raises
        ------
        InputError
            If the file is damaged, or of another version.
        """
        if not self.state.exists():
            return None
        content = read_torch_file(self.state)
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise InputError(f"{self.state} is not a training state of this version; train again in another folder")
        return content

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the entries of the log.

        Yields
        ------
        dict of str to Any
        """
        return entries_of(self.log) if self.log.exists() else iter(())

    def cut_log(self, step: int) -> None:
        """Delete the entries of the log after a step.

        Parameters
        ----------
        step : int
            The last step that is kept.

        Raises
        ------
        WriteError
            If the log can't be written.
        """
        kept = [json.dumps(entry) for entry in self.entries() if entry["step"] <= step]
        write_file(self.log, "".join(f"{line}\n" for line in kept).encode(), durable=True)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add an entry to the log.

        Parameters
        ----------
        entry : mapping of str to Any
            Values for JSON, with ``step``.

        Raises
        ------
        WriteError
            If the log can't be written.
        """
        try:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(dict(entry)) + "\n")
        except OSError as problem:
            raise WriteError(f"{self.log} can't be written: {problem.strerror or problem}") from None


def entries_of(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a log; a line that was cut off in writing is skipped.

    Parameters
    ----------
    log : Path
        The file.

    Yields
    ------
    dict of str to Any

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     log = Path(folder, "log.jsonl")
    ...     _ = log.write_text('{"step": 1}\\n{"ste')
    ...     list(entries_of(log))
    [{'step': 1}]
    """
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
