"""Clips whose frames show their number in bars, written with the encoders that PyAV has."""

import numpy as np
import pytest

WIDTH, HEIGHT, BITS = 128, 64, 8


def encoder_or_skip(codec):
    """Return the name of an encoder; skip the test where PyAV lacks it."""
    av = pytest.importorskip("av")
    try:
        av.codec.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"PyAV has no encoder {codec} here")
    return codec


def write_clip(path, codec, *, frames, options=None):
    """Write a clip of 25 frames a second, with frames between that need later ones where the codec has such."""
    av = pytest.importorskip("av")
    encoder_or_skip(codec)
    form = "matroska" if not path.suffix else None
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.bit_rate = WIDTH, HEIGHT, 2_000_000
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if codec != "mjpeg":
            stream.gop_size, stream.max_b_frames = 12, 2
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def drawn(number):
    """Return a frame with a moving square and the bits of its number as bars."""
    pixels = np.full((HEIGHT, WIDTH, 3), 60, dtype=np.uint8)
    for bit in range(BITS):
        if number >> bit & 1:
            pixels[:24, bit * 16 : bit * 16 + 16] = 230
    pixels[40:56, number % 100 : number % 100 + 16] = 200, 120, 40
    return pixels


def number_in(pixels):
    """Return the number that a frame shows."""
    return sum(1 << bit for bit in range(BITS) if pixels[6:18, bit * 16 + 4 : bit * 16 + 12].mean() > 145)
