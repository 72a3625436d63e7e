"""Paints the ground, the background and the people of the example images.

Everything is painted with NumPy, so that the pixels do not depend on a drawing library. A pixel of the image is the
mean of FINE x FINE painted ones.
"""

import math
from dataclasses import dataclass, field

import numpy as np

WIDTH, HEIGHT, FOCAL = 320, 240, 300.0  # pixels
FINE = 2


@dataclass
class Canvas:
    """Colours of the fine pixels, and whose head each of them shows (-1: nobody's)."""

    colours: np.ndarray
    sun: float
    heads: np.ndarray = field(init=False)

    def __post_init__(self):
        self.heads = np.full(self.colours.shape[:2], -1)

    def ellipse(self, x, y, a, b, colour, *, power=2.0, rows=(-1.0, 1.0), opacity=1.0, shade=0.28, head=-1):
        """Paint |dx / a|^power + |dy / b|^power <= 1 where dy / b lies within ``rows``, lit from above.

        Returns the number of fine pixels that are covered by more than a half. ``head`` is the person whose head it is.
        """
        x, y, a, b = (FINE * value for value in (x, y, a, b))
        top, left = max(0, math.floor(y - b - 1)), max(0, math.floor(x - a - 1))
        window = np.s_[top : max(top, math.ceil(y + b + 1)), left : max(left, math.ceil(x + a + 1))]
        height, width = self.heads[window].shape
        dx = (np.arange(left, left + width)[None, :] + 0.5 - x) / a
        dy = (np.arange(top, top + height)[:, None] + 0.5 - y) / b
        radius = (np.abs(dx) ** power + np.abs(dy) ** power) ** (1 / power)
        cover = np.clip((1 - radius) * min(a, b) + 0.5, 0, 1)
        cover = cover * np.clip((dy - rows[0]) * b + 0.5, 0, 1) * np.clip((rows[1] - dy) * b + 0.5, 0, 1)
        light = 1 + shade * np.clip(self.sun * dx - 0.8 * dy - 0.35 * radius**2, -1.2, 1)
        painted = np.asarray(colour) * light[..., None]
        self.colours[window] += (cover * opacity)[..., None] * (painted - self.colours[window])
        if opacity == 1:
            self.heads[window][cover > 0.5] = head
        return int((cover > 0.5).sum())

    def pixels(self, rng):
        """The picture a camera takes: means of fine pixels, with noise."""
        means = self.colours.reshape(HEIGHT, FINE, WIDTH, FINE, 3).mean(axis=(1, 3))
        noise = (rng.random((HEIGHT, WIDTH, 1)) + rng.random((HEIGHT, WIDTH, 1)) - 1) * 7
        return np.clip(np.rint(means + noise), 0, 255).astype(np.uint8)


def noise(rng, u, v):
    """Smooth random values between 0 and 1, one lattice point a unit of u and v."""
    table = rng.random((64, 64))
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    s, t = ((part := value - np.floor(value)) * part * (3 - 2 * part) for value in (u, v))
    corners = [table[(i + di) % 64, (j + dj) % 64] for di in (0, 1) for dj in (0, 1)]
    return (corners[0] * (1 - t) + corners[1] * t) * (1 - s) + (corners[2] * (1 - t) + corners[3] * t) * s


def ground(rng, scene, x, z):
    """Colours of the ground at x, z metres."""
    rough = sum(noise(rng, x * k, z * k) / k**0.5 for k in (0.6, 1.7, 5.0, 13.0)) - 1.1
    fade = np.clip(1.3 - z / scene.far, 0.25, 1)  # fine lines blur in the distance
    if scene.ground == "paving":
        side = 0.8
        tiles = rng.random((64, 64))[np.floor(x / side).astype(int) % 64, np.floor(z / side).astype(int) % 64]
        gap = np.maximum(np.abs(x / side % 1 - 0.5), np.abs(z / side % 1 - 0.5)) > 0.46
        value = 168 + 22 * (tiles - 0.5) + 16 * rough - 34 * gap * fade
        return value[..., None] * (1.0, 0.97, 0.91)
    if scene.ground == "grass":
        blades = noise(rng, x * 30, z * 12) - 0.5
        value = 112 + 34 * rough + 40 * blades * fade
        dry = np.clip(noise(rng, x * 0.4 + 9, z * 0.4) - 0.45, 0, 1)
        return value[..., None] * (0.78, 1.0, 0.5) + dry[..., None] * (70, 34, 22)
    if scene.ground == "sand":
        value = 200 + 26 * rough + 16 * np.sin(z * 7 + 3 * rough) * fade * 0.6
        return value[..., None] * (1.0, 0.9, 0.72)
    value = 104 + 22 * rough + 20 * (noise(rng, x * 40, z * 40) - 0.5) * fade
    stripe = (np.abs((x + 0.4) % 4.2 - 2.1) < 0.07) & (z % 3 < 1.9)
    return np.where(stripe, value + 92, value)[..., None] * (0.98, 1.0, 1.03)


def backdrop(rng, scene, x, y):
    """Colours of what stands behind the square, at x metres to the side and y metres up."""
    sky = np.clip(1 - y / 14, 0, 1)[..., None] * (58, 34, 8) + (168, 196, 226)
    if scene.backdrop == "sky":  # the sea, and the sky above the horizon
        waves = noise(rng, x * 0.8, y * 9)
        return np.where(y[..., None] < scene.camera, (88, 130, 152) + 34 * waves[..., None], sky)
    if scene.backdrop == "trees":
        leaves = sum(noise(rng, x * k, y * k) / k**0.5 for k in (0.7, 2.0, 5.0, 11.0))
        edge = 4.5 + 2.2 * noise(rng, x * 0.5, x * 0 + 0.5) + 0.5 * noise(rng, x * 3, x * 0 + 7.5)
        green = (26 + 44 * leaves[..., None]) * (0.82, 1.06, 0.6)
        return np.where((y > edge)[..., None], sky, green * np.clip(0.55 + y / 4, 0.5, 1.1)[..., None])
    house = np.floor(x / 6.5).astype(int)
    wall = np.array([(196, 172, 140), (176, 122, 98), (204, 198, 184), (150, 152, 150)])[(house * 3 + scene.people) % 4]
    wall = wall * (0.92 + 0.16 * noise(rng, x * 3, y * 9)[..., None])
    u, v = x / 6.5 % 1 * 3 % 1, (y + 0.3) / 2.9 % 1
    window = (np.abs(u - 0.5) < 0.23) & (np.abs(v - 0.55) < 0.25)
    frame = (np.abs(u - 0.5) < 0.28) & (np.abs(v - 0.55) < 0.3)
    glass = (54, 62, 72) + 40 * noise(rng, x * 0.9, y * 1.4)[..., None]
    return np.where(window[..., None], glass, np.where(frame[..., None], wall * 0.72, wall))


def place(rng, scene):
    """The empty place, as fine pixels."""
    rows, columns = np.mgrid[0 : HEIGHT * FINE, 0 : WIDTH * FINE]
    x, y = (columns + 0.5) / FINE - WIDTH / 2, (rows + 0.5) / FINE - scene.horizon
    end = scene.far + 1.5
    z = FOCAL * scene.camera / np.maximum(y, FOCAL * scene.camera / end)
    floor = ground(rng, scene, x * z / FOCAL, z)
    behind = backdrop(rng, scene, x * end / FOCAL, scene.camera - y * end / FOCAL)
    return np.where((y > FOCAL * scene.camera / end)[..., None], floor, behind)


def paint(canvas, index, person, scene):
    """Paint a person; returns the head's centre, half axes and number of fine pixels."""
    s = FOCAL / person.z  # pixels of a metre
    x, foot, tall = WIDTH / 2 + person.x * s, scene.horizon + scene.camera * s, person.height * s
    body(canvas, x, foot, tall, person)
    across, down = 0.1 * s, 0.135 * s
    x, y = x + person.turned * 0.03 * s, foot - tall + down
    return x, y, across, down, head(canvas, index, x, y, across, down, person)


def body(canvas, x, foot, tall, person):
    """Paint the shadow, the legs, the arms and the trunk of a person."""
    wide = tall * (0.122 - 0.025 * abs(person.turned))  # half the shoulders
    canvas.ellipse(x - 0.15 * canvas.sun * tall, foot, tall * 0.2, tall * 0.05, (30, 30, 36), opacity=0.45)
    for side in (-1, 1):
        leg = x + side * wide * 0.42
        canvas.ellipse(leg, foot - tall * 0.25, wide * 0.4, tall * 0.26, person.trousers, power=4)
        canvas.ellipse(leg, foot - tall * 0.01, wide * 0.42, tall * 0.02, (36, 30, 28))
    for side in (-1, 1):
        sleeve = np.multiply(person.top, 0.85)
        canvas.ellipse(x + side * wide * 1.02, foot - tall * 0.42, wide * 0.2, tall * 0.025, person.skin)
        canvas.ellipse(x + side * wide, foot - tall * 0.6, wide * 0.26, tall * 0.19, sleeve, power=2.6)
    canvas.ellipse(x, foot - tall * 0.63, wide, tall * 0.195, person.top, power=2.5)
    canvas.ellipse(x, foot - tall * 0.79, wide * 0.7, tall * 0.035, person.top)


def head(canvas, index, x, y, across, down, person):
    """Paint a head; returns its number of fine pixels."""
    canvas.ellipse(x, y + down, across * 0.55, down * 0.35, np.multiply(person.skin, 0.78))  # the neck
    size = canvas.ellipse(x, y, across, down, person.skin, head=index)
    if person.away:
        canvas.ellipse(x, y, across, down, person.hair, rows=(-1, 0.62), head=index)
    else:
        side = x - person.turned * across
        canvas.ellipse(x, y, across, down, person.hair, rows=(-1, -0.3), head=index)
        canvas.ellipse(side, y - down * 0.1, across * 0.6, down * 0.7, person.hair, opacity=0.9)
        for eye in (-0.4, 0.4):
            eye = x + (eye + 0.3 * person.turned) * across
            canvas.ellipse(eye, y, across * 0.14, down * 0.08, (40, 30, 28), opacity=0.8)
    if person.hat:
        canvas.ellipse(x, y - down * 0.3, across * 1.08, down * 0.75, person.hat, rows=(-1, 0.1), head=index)
    return size
