"""What certainty costs beside a scoring: errors, resamples, tests; ratios in turns of one process.

    python benchmarks/performance/certainty.py [PREDICTIONS ANNOTATIONS] [--turns 5]

Without files, 182 drawn images with 400 people each and as many predictions with confidences.
"""

from __future__ import annotations

import argparse
import time
import warnings
from statistics import median

import numpy as np

from crowdeval import Annotations, Predictions, Protocol
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.statistics.certainty import Resampling, certainty_of
from crowdeval.statistics.comparison import Testing, differences
from crowdeval.statistics.quantities import numbers_of
from crowdeval.statistics.resampling import bootstrap


def drawn(images: int = 182, people: int = 400) -> tuple[Predictions, Annotations]:
    random = np.random.default_rng(0)
    true, found, scores = [], [], []
    for _ in range(images):
        points = random.uniform(0, 1000, (max(int(random.lognormal(np.log(people), 0.7)), 1), 2))
        kept = points[random.random(len(points)) < 0.8] + random.normal(0, 8, 2)
        wrong = random.uniform(0, 1000, (len(points) // 2, 2))
        true.append(points)
        found.append(np.concatenate([kept, wrong]))
        scores.append(np.concatenate([random.beta(4, 2, len(kept)), random.beta(2, 4, len(wrong))]))
    ids = [f"i{n:03}" for n in range(images)]
    return (
        Predictions(image_ids=ids, offsets=np.cumsum([0, *map(len, found)]), xy=np.concatenate(found),
                    score=np.concatenate(scores)),
        Annotations(image_ids=ids, offsets=np.cumsum([0, *map(len, true)]), xy=np.concatenate(true)),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--exact", type=int, default=50, help="resamples of the exact run, scaled to 1,000")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.files:
        from crowdeval import read_predictions
        from crowdeval.sources import resolve_input

        predictions, annotations = read_predictions(given.files[0]), resolve_input(given.files[1]).annotations()
    else:
        predictions, annotations = drawn()
    protocol = Protocol()
    report, evidence = report_and_evidence(predictions, annotations, protocol=protocol)
    values, heads = dict(report.values), {key: report.values[key] for key in ("nAP", "MAE", "RMSE", "NAE")}
    both = {name: numbers_of(evidence, heads, protocol) for name in "ab"}

    def exact() -> None:
        numbers = numbers_of(evidence, {"nAP": values["nAP"]}, protocol, exact=True)
        bootstrap([numbers], ["nAP"], [(0, 0)], resamples=given.exact, seed=0)

    def binned() -> None:
        numbers = numbers_of(evidence, values, protocol)
        bootstrap([numbers], list(numbers.by_key), [(0, 0)], resamples=1000, seed=0)

    work = {
        "scoring": (lambda: report_and_evidence(predictions, annotations, protocol=protocol), 1),
        "standard errors of all values": (lambda: certainty_of(evidence, values, protocol, Resampling()), 1),
        "1,000 resamples of all values": (binned, 1),
        "1,000 resamples of nAP, exact": (exact, 1000 / given.exact),
        "two systems, 4 metrics: 1,000 resamples, 9,999 rounds": (lambda: differences(both, list(heads), Testing()), 1),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(given.turns):
        for name, (run, times) in work.items():
            start = time.perf_counter()
            run()
            seconds[name].append((time.perf_counter() - start) * times)
    print(f"{len(evidence)} images, {evidence.offsets[-1]:,} predictions, medians of {given.turns} turns\n")
    print("| work | s | of a scoring |\n| --- | ---: | ---: |")
    for name, own in seconds.items():
        ratio = median(a / b for a, b in zip(own, seconds["scoring"], strict=True))
        print(f"| {name} | {median(own):.3f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
