"""Makes the example crowd: twelve images of people on a square, and a detector that finds most of them.

    python examples/crowd/make_crowd.py

writes gt.json and preds.json beside this file, byte for byte the same every time.
"""

import json
import math
import random
from pathlib import Path

WIDTH, HEIGHT = 1024, 768
HERE = Path(__file__).parent


def people(rng, number):
    """People on a ground plane seen at an angle: heads are smaller and closer together farther up."""
    found = []
    while len(found) < number:
        depth = rng.random() ** 0.6
        y = 120 + depth * 600
        x = WIDTH / 2 + (rng.random() - 0.5) * WIDTH * (0.45 + 0.5 * depth)
        size = 6 + 34 * depth
        if all(math.dist((x, y), other[:2]) > 0.7 * size for other in found):
            found.append((x, y, size))
    return found


def detections(rng, heads):
    """Heads found with a confidence that grows with their size, off by a part of it; some twice, some invented."""
    found = []
    for x, y, size in heads:
        if rng.random() > 0.12 + 0.6 * math.exp(-size / 12):
            sure = min(0.99, max(0.05, rng.gauss(0.35 + size / 60, 0.15)))
            found.append((rng.gauss(x, 0.09 * size), rng.gauss(y, 0.09 * size), sure))
            if rng.random() < 0.05:
                found.append((rng.gauss(x, 0.2 * size), rng.gauss(y, 0.2 * size), sure * 0.6))
    invented = range(max(1, len(heads) // 12))
    found += [(rng.random() * WIDTH, rng.random() * HEIGHT, 0.05 + 0.5 * rng.random()) for _ in invented]
    return sorted(found, key=lambda point: -point[2])


def main():
    """Write both files."""
    rng = random.Random(20210801)
    truth, found = [], []
    for i, number in enumerate([1, 4, 12, 25, 40, 60, 80, 100, 0, 140, 180, 220]):
        heads = people(rng, number)
        points = [[round(x, 2), round(y, 2)] for x, y, _ in heads]
        truth.append({"id": f"square_{i + 1:02d}", "width": WIDTH, "height": HEIGHT, "points": points})
        predicted = detections(rng, heads)
        found.append(
            {
                "id": f"square_{i + 1:02d}",
                "points": [[round(x, 2), round(y, 2)] for x, y, _ in predicted],
                "scores": [round(score, 3) for *_, score in predicted],
            }
        )
    for name, kind, images in (("gt.json", "annotations", truth), ("preds.json", "predictions", found)):
        lines = ",\n  ".join(json.dumps(image) for image in images)
        (HERE / name).write_text(f'{{"format": "crowdeval/{kind}@1", "images": [\n  {lines}\n]}}\n')


if __name__ == "__main__":
    main()
