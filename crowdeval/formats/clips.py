"""The frames of a video, by their numbers in the order in which they are shown.

The time stamps of the packets are read once, without decoding. A frame is then found by its stamp: the reader decodes
on from where it is, or from a key frame before, and the pixels are the same either way. A container without usable time
stamps (a bare stream) is decoded once to count its frames, which are then found by counting from the start. PyAV is
optional.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import FormatError, MissingFileError, Problem

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

INSTALL = "pip install av"

_STAMPED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "flv", "asf", "mpegts", "nut", "ogg")
"""Containers with a time stamp for each frame, so that it is the same after a search; others infer it."""

_PROBED = 4
"""Number of frames whose time stamps are compared with those of the packets."""

_WORTH_A_SEARCH = 50
"""Number of frames that are rather passed over by opening the file anew at a key frame than decoded."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A video whose packets have been listed.

    Attributes
    ----------
    path : Path
        The file.
    width, height : int
        Size of a frame in pixels, as stored.
    stamps : tuple of int
        Presentation time of each frame, rising, in the stream's unit; 0, 1, 2, ... where frames are counted.
    keys : tuple of (int, int)
        Presentation and decoding time of each key frame, rising; empty where a search in the file is not exact.
    counted : bool
        Whether a frame is found by counting from the start.
    turned : int
        Degrees by which a player turns the frames; they are not turned here.
    ending : str
        The reason why packets end early; empty where they do not.
    declared : int
        Number of frames that the container declares, by number or by duration; 0 where it does not.
    every : int
        The step: every ``every``-th frame is an image.
    """

    path: Path
    width: int
    height: int
    stamps: tuple[int, ...]
    keys: tuple[tuple[int, int], ...]
    counted: bool = False
    turned: int = 0
    ending: str = ""
    every: int = 1
    declared: int = 0

    @property
    def numbers(self) -> range:
        """The numbers of the frames that are images."""
        return range(0, len(self.stamps), self.every)


def clip_of(path: Path, *, every: int = 1) -> Clip:
    """List the frames of a video.

    Parameters
    ----------
    path : Path
        The file.
    every : int
        The step: every ``every``-th frame is an image.

    Returns
    -------
    Clip

    Raises
    ------
    MissingFileError
        If PyAV is not installed; the message has the install command.
    FormatError
        If the file is no video, is empty, or has no frame that can be decoded.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "a.mp4").touch()
    ...     clip_of(Path(folder, "a.mp4"))
    Traceback (most recent call last):
    crowdeval.errors.FormatError: ...a.mp4: expected a video, found an empty file
    """
    if not path.stat().st_size:
        raise _no_video(path, "an empty file")
    with _opened(path) as container:
        width, height, turned, first = _first_frames(path, container)
    with _opened(path) as container:
        declared = _declared(container)
        stamps, keys, ending = _packets(container)
        keys = keys if container.format.name in _STAMPED else []
    shown = {stamp: number for number, stamp in enumerate(sorted(stamps))}
    places = [shown.get(stamp, -1) if stamp is not None else -1 for stamp in first]
    usable = len(shown) == len(stamps) and min(places) >= 0
    counted = not usable or any(after - before != 1 for before, after in pairwise(places))
    if counted:
        with _opened(path) as container:
            number = sum(1 for _ in _decoded(container))
        shown, keys = dict.fromkeys(range(number), 0), []
    return Clip(
        path, width, height, tuple(sorted(shown)), tuple(sorted(keys)), counted, turned, ending, every, declared
    )


def is_video(path: Path) -> bool:
    """Return whether PyAV is installed and finds a video stream in a file.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_video(Path(__file__))
    False
    """
    try:
        with _opened(path) as container:
            form = container.format.name
            return bool(container.streams.video) and form not in ("tty", "image2") and not form.endswith("_pipe")
    except (MissingFileError, FormatError):
        return False


class ClipReader:
    """The decoder of a video, for one thread. Frames in rising order are decoded one after the other.

    Parameters
    ----------
    clip : Clip
        The video.
    """

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.seekable = bool(clip.keys)
        self._container: InputContainer | None = None
        self._frames: Iterator[tuple[int, VideoFrame]] = iter(())
        self._last = np.inf  # stamp of the last frame that was taken or passed over; infinite before the start
        self._next: tuple[int, VideoFrame] | None = None
        self._searched = False  # whether decoding began at a key frame that was searched

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Return the pixels of a frame.

        Parameters
        ----------
        number : int
            The frame's number, from 0.

        Returns
        -------
        array of uint8, (H, W, 3)
            RGB as stored; the rotation that a player applies is not applied.

        Raises
        ------
        FormatError
            If the frame is damaged or lacking.
        """
        wanted = self.clip.stamps[number]
        key = self._key_before(wanted)
        if self._last >= wanted or (key is not None and self.seekable and self._frames_to(key[0]) > _WORTH_A_SEARCH):
            self._start(key)
        self._go_to(wanted)
        if (self._next is None or self._next[0] > wanted) and self._searched:
            self.seekable = False  # the frame may be damaged, or not found by the search
            self._start(None)
            self._go_to(wanted)
        if self._next is None or self._next[0] > wanted:
            raise self._damaged(number, "a frame that can't be decoded")
        stamp, found = self._next
        self._last, self._next = stamp, None
        if found.is_corrupt:
            raise self._damaged(number, "a damaged frame")
        if (found.width, found.height) != (self.clip.width, self.clip.height):
            raise self._damaged(number, f"a frame of {found.width} x {found.height}")
        pixels: NDArray[Any] = found.to_ndarray(format="rgb24")
        return pixels.astype(np.uint8, copy=False)

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
        self._container, self._frames, self._next, self._last = None, iter(()), None, np.inf

    def _go_to(self, wanted: int) -> None:
        """Decode until the next frame is the first one that is not before a stamp; None at the end."""
        while self._next is None or self._next[0] < wanted:
            if self._next is not None:
                self._last = self._next[0]
            self._next = next(self._frames, None)
            if self._next is None:
                return

    def _key_before(self, wanted: int) -> tuple[int, int] | None:
        """Return the last key frame but one before a stamp; None where that is the start.

        Frames that are shown after a key frame may need what was decoded before it (an open group, a refresh in
        steps); the key frame before has all of it.
        """
        place = bisect_right(self.clip.keys, wanted, key=lambda key: key[0]) - 2
        return self.clip.keys[place] if place > 0 else None

    def _frames_to(self, stamp: int) -> int:
        """Return the number of frames between the last one and a stamp."""
        return bisect_right(self.clip.stamps, stamp) - bisect_right(self.clip.stamps, self._last)

    def _start(self, key: tuple[int, int] | None) -> None:
        """Open the file anew at a key frame, or at its start."""
        self.close()
        self._container = _opened(self.clip.path)
        self._last = -np.inf
        self._searched = key is not None and self.seekable
        if key is None or not self.seekable:
            self._frames = self._stamped(_decoded(self._container))
            return
        self._container.seek(min(key), stream=_stream(self._container))
        try:
            self._frames = self._stamped(_decoded(self._container, until=key[0]))
            self._next = next(self._frames, None)
        except _PassedOver:  # the container has no index, and its search ended behind the key frame
            self.seekable = False
            self._start(None)

    def _stamped(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield frames with their stamps."""
        for number, frame in enumerate(frames):
            stamp = number if self.clip.counted else frame.pts
            if stamp is not None:
                yield stamp, frame

    def _damaged(self, number: int, found: str) -> FormatError:
        problem = Problem(expected=f"frame {number} of {self.clip.width} x {self.clip.height}", found=found)
        return FormatError(str(self.clip.path), [problem])


class _PassedOver(Exception):
    """The search in a video ended behind the key frame."""


def _av() -> Any:
    """Return the module av."""
    try:
        import av
    except ImportError:
        raise MissingFileError(f"videos are read by the package av, which isn't installed; {INSTALL}") from None
    return av


def _opened(path: Path) -> InputContainer:
    """Open a video."""
    av = _av()
    try:
        container: InputContainer = av.open(f"file:{path}")
    except av.FFmpegError as problem:
        found = f"what PyAV can't open ({problem.strerror}); a file that was cut off has no index"
        raise _no_video(path, found) from None
    return container


def _stream(container: InputContainer) -> Any:
    """Return the video stream; a picture of the cover is one only where there is no other."""
    return container.streams.best("video")


def _first_frames(path: Path, container: InputContainer) -> tuple[int, int, int, list[int | None]]:
    """Return width, height and rotation of the first frame, and the stamps of the first ones."""
    if _stream(container) is None:
        raise _no_video(path, "a file without a video stream")
    first = list(islice(_decoded(container), _PROBED))
    if not first:
        raise _no_video(path, "no frame that can be decoded")
    turned = int(getattr(first[0], "rotation", 0))
    return first[0].width, first[0].height, turned, [frame.pts for frame in first]


def _declared(container: InputContainer) -> int:
    """Return the number of frames that a container declares, by number or by duration; 0 where it does not."""
    stream = _stream(container)
    if stream.frames:
        return int(stream.frames)
    rate = float(stream.average_rate or 0)
    if stream.duration and stream.time_base:
        return round(float(stream.duration * stream.time_base) * rate)
    return round(container.duration / 1e6 * rate) if container.duration and container.duration > 0 else 0


def _packets(container: InputContainer) -> tuple[list[int], list[tuple[int, int]], str]:
    """Return the stamps of all packets, the key frames, and why packets end early.

    There are no stamps at all where a packet has none.
    """
    av = _av()
    stamps: list[int] = []
    keys: list[tuple[int, int]] = []
    try:
        for packet in container.demux(_stream(container)):
            if not packet.size or packet.is_discard:
                continue
            if packet.pts is None:
                return [], [], ""
            stamps.append(packet.pts)
            if packet.is_keyframe:
                keys.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
    except av.FFmpegError as problem:
        return stamps, keys, str(problem.strerror)
    return stamps, keys, ""


def _decoded(container: InputContainer, *, until: int | None = None) -> Iterator[VideoFrame]:
    """Yield the frames that can be decoded, in the order in which they are shown.

    Parameters
    ----------
    container : InputContainer
        The opened video.
    until : int, optional
        Stamp of the latest key frame that may be the first; packets before a key frame are passed over.

    Raises
    ------
    _PassedOver
        If the first key frame is a later one.
    """
    av = _av()
    stream = _stream(container)
    stream.thread_type = "AUTO"
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # cut off: what the decoder still holds comes out
            packet = None
        if until is not None:
            if packet is None or (packet.is_keyframe and (packet.pts is None or packet.pts > until)):
                raise _PassedOver
            if not packet.is_keyframe:
                continue
            until = None
        frames: list[VideoFrame] = []
        with suppress(av.FFmpegError):  # a damaged packet, or the end after the flushing packet
            frames = stream.decode(packet)
        yield from frames
        if packet is None:
            return


def _no_video(path: Path, found: str) -> FormatError:
    return FormatError(str(path), [Problem(expected="a video", found=found)])
