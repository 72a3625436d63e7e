"""Draws the example images: twenty small photographs of crowds that never were, and the true head of every person.

    python examples/crowd_images/generate.py [FOLDER]

writes FOLDER/images/*.jpg and FOLDER/annotations.json; FOLDER is by default the folder of this file. The points are the
same every time, and so are the pixels, up to the rounding of the installed JPEG encoder.

A person stands at X metres right of the camera and Z metres in front of it. A point at height Y above X, Z is seen at

    x = WIDTH / 2 + FOCAL * X / Z        y = horizon + FOCAL * (camera - Y) / Z

so heads become small and dense towards the horizon. People are painted from the farthest to the nearest. The canvas
remembers whose head each pixel shows, and a head of which less than a third is visible is not annotated.
"""

import json
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from painting import FOCAL, HEIGHT, WIDTH, Canvas, paint, place
from PIL import Image

LEAST_VISIBLE = 1 / 3

SKIN = ((236, 196, 170), (222, 176, 146), (196, 146, 112), (150, 104, 76), (104, 70, 52))
HAIR = ((30, 24, 22), (44, 32, 26), (70, 46, 30), (98, 66, 40), (24, 24, 28), (186, 150, 96), (168, 164, 158))
HATS = ((206, 46, 40), (238, 236, 228), (40, 60, 120), (222, 190, 60))
TOPS = ((168, 58, 58), (56, 80, 130), (226, 224, 218), (62, 66, 70), (70, 110, 86), (202, 168, 84), (116, 144, 178))
TOPS += ((118, 70, 104), (38, 40, 48), (186, 112, 74), (146, 146, 142), (94, 82, 68))
TROUSERS = ((42, 48, 66), (36, 34, 36), (92, 86, 76), (66, 82, 114), (136, 122, 98))


@dataclass(frozen=True)
class Scene:
    """A place, its light and its camera (lengths in metres, horizon in pixels)."""

    people: int
    ground: str
    backdrop: str
    camera: float
    horizon: float
    near: float
    far: float
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sun: float = 0.6  # side from which light comes: -1 left, 1 right


NOON, EVENING, CLOUDS = (1.04, 1.03, 0.99), (1.06, 0.94, 0.78), (0.86, 0.90, 0.95)
SCENES = (
    Scene(0, "paving", "houses", 4.0, 20, 5, 17, CLOUDS, 0.0),
    Scene(3, "grass", "trees", 2.8, 60, 4, 12, NOON, -0.7),
    Scene(6, "paving", "houses", 3.2, 40, 4, 13, EVENING, 0.8),
    Scene(9, "sand", "sky", 3.4, 50, 5, 15, NOON, 0.5),
    Scene(13, "asphalt", "houses", 3.4, 30, 4, 14, CLOUDS, 0.2),
    Scene(18, "grass", "trees", 3.6, 30, 4, 15, EVENING, -0.8),
    Scene(23, "paving", "trees", 4.2, 10, 5, 16, NOON, 0.7),
    Scene(28, "sand", "sky", 3.6, 48, 5, 18, EVENING, -0.6),
    Scene(34, "asphalt", "houses", 4.0, 20, 5, 17, NOON, -0.4),
    Scene(40, "paving", "houses", 4.6, 0, 5, 17, CLOUDS, 0.1),
    Scene(47, "grass", "trees", 4.4, 6, 5, 18, NOON, 0.8),
    Scene(54, "sand", "sky", 4.4, 30, 5, 20, CLOUDS, 0.3),
    Scene(62, "asphalt", "trees", 4.2, 0, 4, 16, EVENING, -0.7),
    Scene(72, "paving", "houses", 4.6, -10, 4, 17, NOON, -0.6),
    Scene(84, "grass", "trees", 3.6, 20, 4, 17, CLOUDS, 0.2),
    Scene(96, "asphalt", "houses", 4.6, -16, 4, 16, NOON, 0.5),
    Scene(112, "paving", "trees", 4.4, -6, 3.5, 16, EVENING, 0.8),
    Scene(128, "grass", "houses", 5.0, -20, 4, 18, NOON, -0.5),
    Scene(146, "paving", "houses", 5.4, -24, 4, 17, CLOUDS, 0.1),
    Scene(172, "asphalt", "trees", 5.0, -18, 3.5, 17, NOON, 0.6),
)


@dataclass(frozen=True)
class Person:
    """Where somebody stands, how tall they are (metres) and what they wear."""

    x: float
    z: float
    height: float
    turned: float  # -1 left, 0 to the camera or away from it, 1 right
    away: bool
    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    hat: tuple[int, int, int] | None
    top: tuple[int, int, int]
    trousers: tuple[int, int, int]


def crowd(rng: random.Random, scene: Scene) -> list[Person]:
    """People spread evenly over the ground, half of them beside somebody; the farthest first."""
    people: list[Person] = []
    while len(people) < scene.people:
        z = math.sqrt(rng.uniform(scene.near**2, scene.far**2))  # the strip of ground widens with z
        x = rng.uniform(-0.5, 0.5) * z * WIDTH / FOCAL
        if people and rng.random() < 0.5:
            friend = rng.choice(people)
            x, z = friend.x + rng.uniform(-0.9, 0.9), friend.z + rng.uniform(-0.6, 0.6)
        if scene.near <= z <= scene.far and all(math.dist((x, z), (other.x, other.z)) > 0.5 for other in people):
            people.append(
                Person(
                    x=x,
                    z=z,
                    height=rng.uniform(1.1, 1.45) if rng.random() < 0.1 else rng.uniform(1.55, 1.92),
                    turned=rng.uniform(-1, 1),
                    away=rng.random() < 0.5,
                    skin=rng.choice(SKIN),
                    hair=rng.choice(HAIR),
                    hat=rng.choice(HATS) if rng.random() < 0.1 else None,
                    top=rng.choice(TOPS),
                    trousers=rng.choice(TROUSERS),
                )
            )
    return sorted(people, key=lambda person: -person.z)


def picture(number, scene):
    """The image of a scene, and the head points and boxes that an annotator would draw."""
    rng, grain = random.Random(number), np.random.default_rng(number)
    canvas = Canvas(place(grain, scene), scene.sun)
    people = crowd(rng, scene)
    heads = [paint(canvas, index, person, scene) for index, person in enumerate(people)]
    canvas.colours *= scene.light
    points, boxes = [], []
    for index, (x, y, across, down, size) in enumerate(heads):
        seen = int((canvas.heads == index).sum())
        if 0 <= x < WIDTH and 0 <= y < HEIGHT and seen > LEAST_VISIBLE * size:
            box = max(0, x - across), max(0, y - down), min(WIDTH, x + across), min(HEIGHT, y + down)
            points.append([round(x, 2), round(y, 2)])
            boxes.append([round(side, 2) for side in box])
    return canvas.pixels(grain), points, boxes


def main(folder):
    """Write images and truth."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, scene in enumerate(SCENES, start=1):
        pixels, points, boxes = picture(number, scene)
        name = f"crowd_{number:02d}"
        Image.fromarray(pixels).save(folder / "images" / f"{name}.jpg", quality=88)
        image = {"id": name, "width": WIDTH, "height": HEIGHT, "points": points, "boxes": boxes}
        lines.append(json.dumps(image))
    images = ",\n  ".join(lines)
    text = f'{{"format": "crowdeval/annotations@1", "images": [\n  {images}\n]}}\n'
    (folder / "annotations.json").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
