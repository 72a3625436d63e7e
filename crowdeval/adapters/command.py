"""``command``: any program as a predictor; a line of JSON in, a line of JSON out, image by image.

The program reads requests from standard input::

    {"id": "IMG_1", "path": "/data/IMG_1.jpg", "width": 1024, "height": 768}

and writes one answer each to standard output, flushed::

    {"points": [[10.5, 20.0]], "scores": [0.9]}

``points`` in pixels of the image, ``scores`` and ``count`` are as in any predictor's answer; ``id``, if an answer has
it, has to be the request's; ``{"error": "..."}`` says that it can't. ``path`` is the image's own file where decoding it
gives the pixels that are meant, else (a tile, a mirror image, an EXIF orientation that a program might apply) a
temporary PNG. When standard input ends, so should the program.
"""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crowdeval.adapters.contract import Image
from crowdeval.adapters.line_program import CHATTER, LineProgram, ProgramFailed, quoted
from crowdeval.adapters.model_file import revision_of
from crowdeval.errors import PredictorError, UsageError, shown

ORIENTATION = 0x0112
"""The EXIF tag."""


class Command:
    """Any program: one JSON request a line in, one JSON answer a line out.

    Parameters
    ----------
    command : str
        The program and its arguments, quoted as in a shell; no shell is involved.
    timeout : float
        Seconds that it may take for an answer, the first with its start.
    restarts : int
        How often it is started anew for an image, after it died or took too long.
    name : str, optional
        The model's name; that of the script, or of the program, where it is not given.
    revision : str, optional
        The model's version; where it is not given, the hash of the command and of the files it names.
    """

    def __init__(
        self,
        *,
        command: str,
        timeout: float = 60.0,
        restarts: int = 1,
        name: str | None = None,
        revision: str | None = None,
    ) -> None:
        try:
            self.words = shlex.split(command)
        except ValueError as problem:
            raise UsageError(f"-o command={command}: {problem}") from None
        if not self.words:
            raise UsageError("-o command=...: expected a program")
        if not timeout > 0:
            raise UsageError(f"-o timeout={timeout}: expected a number above 0")
        if restarts < 0:
            raise UsageError(f"-o restarts={restarts}: expected at least 0")
        self.timeout = min(timeout, 1e6)
        self.restarts = restarts
        files = [Path(word) for word in self.words[1:] if Path(word).is_file()]
        self.name = name or (files[0] if files else Path(self.words[0])).stem
        self.revision = revision or revision_of(*files, also=self.words)
        self._program: LineProgram | None = None

    def open(self) -> None:
        """Start the program."""
        if self._program is None:
            self._program = LineProgram(self.words)

    def close(self) -> None:
        """End the program and its children."""
        program, self._program = self._program, None
        if program is not None:
            program.stop()

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return the program's answers."""
        return [self._answer(image) for image in images]

    def _answer(self, image: Image) -> dict[str, Any]:
        with _file_of(image) as path:
            height, width = image.pixels.shape[:2]
            request = json.dumps({"id": image.id, "path": str(path), "width": width, "height": height}).encode()
            for tries in range(1, self.restarts + 2):
                try:
                    return self._asked(request, image.id)
                except ProgramFailed as problem:
                    failure = f"{problem}{f', {tries} times over' if tries > 1 else ''}"
        raise PredictorError(failure)

    def _asked(self, request: bytes, image: str) -> dict[str, Any]:
        """Ask once; a program that failed, or that is out of step, is not asked again."""
        self.open()
        assert self._program is not None, "open() starts it"
        try:
            return _read(self._program.ask(request, self.timeout), image)
        except BaseException as problem:
            program, self._program = self._program, None
            program.stop(kindly=False)
            if isinstance(problem, PredictorError):
                raise type(problem)(f"the program {shlex.join(self.words)!r}, image {image!r}: {problem}") from None
            raise


def _read(line: bytes, image: str) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise PredictorError(f"expected an answer, a JSON object, found {quoted(line)}{CHATTER}")
    told = answer.pop("id", image)
    if told != image:
        raise PredictorError(f"found the answer for image {shown(told)}; it is out of step")
    if "error" in answer:
        raise PredictorError(f"it says: {answer['error']}")
    return answer


@contextmanager
def _file_of(image: Image) -> Iterator[Path]:
    """Give a file that holds the image's pixels: its own, or a temporary one."""
    if image.path is not None and _holds(image.path, image):
        yield image.path.resolve()
        return
    from PIL import Image as Pillow

    with tempfile.TemporaryDirectory(prefix="crowdeval-") as folder:
        file = Path(folder, "image.png")
        Pillow.fromarray(image.pixels).save(file, compress_level=1)
        yield file


def _holds(path: Path, image: Image) -> bool:
    """Return whether any reader finds the image's pixels in the file, by its size and orientation."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(path) as opened:
            return opened.size == image.pixels.shape[1::-1] and opened.getexif().get(ORIENTATION, 1) == 1
    except OSError:
        return False
