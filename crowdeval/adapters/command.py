"""``command``: any program as a predictor, with one line of JSON in and one line of JSON out for each image.

The program reads requests from standard input::

    {"id": "IMG_1", "path": "/data/IMG_1.jpg", "width": 1024, "height": 768}

and writes one answer to each of them to standard output, flushed::

    {"points": [[10.5, 20.0]], "scores": [0.9]}

The keys of an answer:

``points``, ``scores``, ``count``
    As in the answer of any predictor; points in pixels of the image.
``id``
    Optional; has to be the id of the request.
``error``
    A text; the program has no answer for this image.

``path`` is the image's own file where every reader decodes it to the pixels of the request. Otherwise (a tile, a mirror
image, a frame of a video, a file with an EXIF orientation that a program might apply, colours of 16 bits, more bands
than colours) it is a temporary PNG. The program should end when its standard input ends.
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
from crowdeval.adapters.line_program import STDOUT_RULE, LineProgram, ProgramFailed, quote_line
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.pixels import is_cut
from crowdeval.errors import PredictorError, UsageError, shown
from crowdeval.formats.image_headers import any_size

ORIENTATION = 0x0112
"""The EXIF tag of the orientation; 1 is upright."""


class Command:
    """Any program: one line of JSON in and one line of JSON out for each image.

    Parameters
    ----------
    command : str
        The program and its arguments, quoted as in a shell; it does not run in a shell.
    timeout : float
        Seconds that the program may take for an answer; for the first answer they include its start.
    restarts : int
        Number of times the program is started again for one image, after it ended or took too long.
    name : str, optional
        The model's name; by default that of the script or, without a script, of the program.
    revision : str, optional
        The model's version; by default the hash of the command and of the files that it names.
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
            raise UsageError("-o command=: expected a program and its arguments, found nothing")
        if not timeout > 0:
            raise UsageError(f"-o timeout={timeout}: expected a number of seconds above 0")
        if restarts < 0:
            raise UsageError(f"-o restarts={restarts}: expected a whole number of at least 0")
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
        with _image_file(image) as path:
            height, width = image.pixels.shape[:2]
            request = json.dumps({"id": image.id, "path": str(path), "width": width, "height": height}).encode()
            for attempt in range(1, self.restarts + 2):
                try:
                    return self._request(request, image.id)
                except ProgramFailed as problem:
                    failure = f"{problem}{f', in the last of {attempt} attempts' if attempt > 1 else ''}"
        raise PredictorError(failure)

    def _request(self, request: bytes, image: str) -> dict[str, Any]:
        """Send a request once and return its answer; after any failure the program is stopped."""
        self.open()
        assert self._program is not None, "open() starts it"
        try:
            return _parse_answer(self._program.reply(request, self.timeout), image)
        except (
            BaseException
        ) as problem:  # also KeyboardInterrupt: a late answer would be taken for that of the next request
            program, self._program = self._program, None
            program.stop(graceful=False)
            if isinstance(problem, PredictorError):
                raise type(problem)(f"the program {shlex.join(self.words)!r}, image {image!r}: {problem}") from None
            raise


def _parse_answer(line: bytes, image: str) -> dict[str, Any]:
    """Return the answer that a line of the program holds, without its id."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise PredictorError(f"expected an answer, a JSON object, found {quote_line(line)}{STDOUT_RULE}")
    answered_id = answer.pop("id", image)
    if answered_id != image:
        raise PredictorError(
            f"found the answer for image {shown(answered_id)}: expected one answer to each request, in their order"
        )
    if "error" in answer:
        raise PredictorError(f"the program reports: {answer['error']}")
    return answer


@contextmanager
def _image_file(image: Image) -> Iterator[Path]:
    """Give a file of the image's pixels: the image's own, or a temporary one."""
    if image.path is not None and image.window is None and _holds_pixels(image.path, image):
        yield image.path.resolve()
        return
    from PIL import Image as Pillow

    with tempfile.TemporaryDirectory(prefix="crowdeval-") as folder:
        file = Path(folder, "image.png")
        Pillow.fromarray(image.pixels).save(file, compress_level=1)
        yield file


def _holds_pixels(path: Path, image: Image) -> bool:
    """Return whether a file has the image's size and no orientation, so that any reader gets the image's pixels."""
    from PIL import Image as Pillow

    try:
        with any_size():
            opened = Pillow.open(path)
        with opened:
            fits = opened.size == image.pixels.shape[1::-1] and opened.getexif().get(ORIENTATION, 1) == 1
            return fits and not is_cut(opened)
    except OSError:
        return False
