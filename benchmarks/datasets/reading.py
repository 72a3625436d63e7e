"""How long reading ShanghaiTech A's test split takes, against scipy.io.loadmat on the same files, in one run.

python benchmarks/datasets/reading.py --root DIR
"""

import argparse
import statistics
import time

from scipy.io import loadmat

from crowdeval.datasets import open_dataset


def seconds(job):
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="the folder of the datasets")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    spec = "shanghaitech-a:test"
    images = open_dataset(spec, root=options.root).image_paths
    files = [path.parent.parent / "ground-truth" / f"GT_{path.stem}.mat" for path in images]
    jobs = {
        "scipy.io.loadmat, the files alone": lambda: [loadmat(path) for path in files],
        "open_dataset, cache=False": lambda: open_dataset(spec, root=options.root, cache=False),
        "open_dataset, from the cache": lambda: open_dataset(spec, root=options.root),
    }
    times = {name: [] for name in jobs}
    for _ in range(options.rounds):
        for name, job in jobs.items():
            times[name].append(seconds(job))
    base = times["scipy.io.loadmat, the files alone"]
    print(f"{'':36s}{'median s':>10s}{'ratio, median of pairs':>25s}")
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, base, strict=True))
        print(f"{name:36s}{statistics.median(found):10.4f}{ratio:25.2f}")


if __name__ == "__main__":
    main()
