"""The pictures of the site, drawn from the library's own results and from its imports.

``python docs/figures.py FOLDER`` writes them; ``make docs`` does so before it builds the site.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import crowdeval
from crowdeval import Annotations, Predictions, Protocol

ROOT = Path(__file__).parents[1]
HIT, FALSE, MISSED, TRUE = "#1a7f5a", "#d1495b", "#e09f3e", "#2b2d42"
STYLE = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "crowdeval"}
ROOMS = ("points", "matching", "metrics", "evaluation", "statistics", "formats", "datasets", "adapters", "runs",
         "leaderboards", "render", "cli")  # fmt: skip
"""The rooms of the library, in the order of its pipeline."""


def crowd(seed: int = 4) -> tuple[Predictions, Annotations]:
    """Return a crowd that is dense at the top and sparse at the bottom, and imperfect predictions of it."""
    random = np.random.default_rng(seed)
    true: list[tuple[float, float]] = []
    while len(true) < 60:
        y = 300 * random.random() ** 1.8
        x = 420 * random.random()
        reach = 9 + 0.13 * y
        if all((x - u) ** 2 + (y - v) ** 2 > reach**2 for u, v in true):
            true.append((x, y))
    points = np.array(true)
    scale = crowdeval.knn_scale(points)
    kept = random.random(len(points)) > 0.12
    moved = points[kept] + random.normal(0, 0.1, (kept.sum(), 2)) * scale[kept, None]
    wrong = np.column_stack([420 * random.random(7), 300 * random.random(7)])
    xy = np.clip(np.concatenate([moved, wrong]), 0, [419.9, 299.9])
    score = np.concatenate([0.45 + 0.55 * random.random(len(moved)), 0.2 + 0.5 * random.random(7)]).round(3)
    one = {"image_ids": ["crowd"]}
    return (
        Predictions(**one, offsets=[0, len(xy)], xy=xy, score=score),
        Annotations(**one, offsets=[0, len(points)], xy=points, sizes=[[420.0, 300.0]]),
    )


def hits_and_owners(predictions: Predictions, truth: Annotations, delta: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which predictions hit, and which true points are taken, by the loop of the definition."""
    scale = crowdeval.knn_scale(truth.xy)
    free, hit = np.ones(len(scale), dtype=bool), np.zeros(len(predictions.xy), dtype=bool)
    assert predictions.score is not None
    for row in np.argsort(-predictions.score):
        ratio = np.hypot(*(truth.xy - predictions.xy[row]).T) / scale
        ratio[~free] = np.inf
        best = int(ratio.argmin())
        if ratio[best] < delta:
            hit[row], free[best] = True, False
    return hit, ~free


def matching(axes: Axes, delta: float) -> None:
    """Draw true points with their circles of delta x d_k, and the predictions."""
    predictions, truth = crowd()
    hit, taken = hits_and_owners(predictions, truth, delta)
    scale = crowdeval.knn_scale(truth.xy)
    for (x, y), radius, own in zip(truth.xy, delta * scale, taken, strict=True):
        axes.add_patch(plt.Circle((x, y), radius, color=TRUE if own else MISSED, alpha=0.13, linewidth=0))
    axes.plot(*truth.xy[taken].T, "o", color=TRUE, ms=3, label="true point, found")
    axes.plot(*truth.xy[~taken].T, "o", color=MISSED, ms=5, label="true point, missed")
    axes.plot(*predictions.xy[hit].T, "+", color=HIT, ms=8, mew=1.6, label="hit")
    axes.plot(*predictions.xy[~hit].T, "x", color=FALSE, ms=7, mew=1.6, label="false positive")
    axes.set(xlim=(-8, 428), ylim=(308, -8), aspect="equal", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(f"matching at delta = {delta}: {hit.sum()} hits, {(~hit).sum()} false positives, "
                   f"{(~taken).sum()} missed", fontsize=10, loc="left")  # fmt: skip


def curves(axes: Axes) -> None:
    """Draw the precision-recall curves at some delta."""
    predictions, truth = crowd()
    assert predictions.score is not None
    order = np.argsort(-predictions.score)
    for delta, shade in ((0.5, 1.0), (0.25, 0.7), (0.1, 0.45), (0.05, 0.25)):
        hits = np.cumsum(hits_and_owners(predictions, truth, delta)[0][order])
        precision, recall = hits / np.arange(1, len(hits) + 1), hits / len(truth.xy)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        value = crowdeval.evaluate(predictions, truth, protocol=Protocol(delta=delta))["nAP"]
        axes.fill_between(recall, envelope, step="pre", color=HIT, alpha=0.07)
        axes.step(recall, envelope, where="pre", color=HIT, alpha=shade, label=f"delta {delta}: AP {value:.2f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.03))
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def over_delta(axes: Axes) -> None:
    """Draw nAP at each delta, and their mean."""
    predictions, truth = crowd()
    result = crowdeval.nap((predictions.xy, predictions.score), truth.xy)
    deltas = list(result.per_delta)
    axes.bar([f"{delta:g}" for delta in deltas], list(result.per_delta.values()), color=HIT, alpha=0.75)
    axes.axhline(float(result), color=TRUE, lw=1.2)
    axes.text(-0.45, float(result) + 0.015, f"nAP = {float(result):.3f}", color=TRUE)
    axes.set(xlabel="delta", ylabel="AP at delta", ylim=(0, 1.0))
    axes.tick_params(axis="x", labelsize=8)


def scales(axes: Axes) -> None:
    """Draw d_k of two people: the mean distance to the three nearest others."""
    _, truth = crowd()
    xy, scale = truth.xy, crowdeval.knn_scale(truth.xy)
    axes.plot(*xy.T, "o", color=TRUE, ms=3, alpha=0.5)
    middle = (np.abs(xy[:, 0] - 210) < 120) & (xy[:, 1] > 20) & (xy[:, 1] < 215)
    chosen = [int(np.flatnonzero(middle)[f(scale[middle])]) for f in (np.argmin, np.argmax)]
    for own in chosen:
        distance = np.hypot(*(xy - xy[own]).T)
        for other in np.argsort(distance)[1:4]:
            axes.plot(*xy[[own, other]].T, color=FALSE, lw=1.2)
        axes.add_patch(plt.Circle(xy[own], scale[own], fill=False, color=FALSE, lw=1.2))
        axes.annotate(f"$d_k$ = {scale[own]:.1f} px", xy[own], xytext=(9, -14), textcoords="offset points", color=FALSE)
        axes.plot(*xy[own], "o", color=FALSE, ms=5)
    axes.set(xlim=(-8, 428), ylim=(308, -8), aspect="equal", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def variance(axes: Axes) -> None:
    """Draw the share of the variance that each image of the example carries."""
    from crowdeval.api import report_and_columns
    from crowdeval.statistics.influence import changes_of
    from crowdeval.statistics.quantities import numbers_of

    example = ROOT / "examples" / "crowd"
    report, evidence = report_and_columns(example / "preds.json", example / "gt.json", protocol=["nAP", "MAE"])
    numbers = numbers_of(evidence, report.values, report.protocol)
    for offset, (name, color) in zip((-0.2, 0.2), (("nAP", HIT), ("MAE", FALSE)), strict=True):
        change = changes_of(numbers, [name])[name]
        share = (change - change.mean()) ** 2
        axes.bar(np.arange(len(share)) + offset, share / share.sum(), 0.4, color=color, label=name)
    axes.axhline(0.2, color=TRUE, lw=0.8, ls=":")
    axes.text(-0.6, 0.21, "from here on an image is named", color=TRUE, fontsize=9)
    axes.set_xticks(range(len(numbers.units)), numbers.units.names, rotation=90, fontsize=8)
    axes.set(ylabel="share of the variance", ylim=(0, 1))
    axes.legend(frameon=False, title="of")


def verdicts(axes: Axes) -> None:
    """Draw four intervals of a difference, with the verdict on each."""
    margin, shown = 1.0, (("better", 1.7, 0.9, HIT), ("worse", -2.4, 1.1, FALSE), ("equivalent", 0.2, 0.6, TRUE),
                          ("undecided", 0.9, 1.6, MISSED))  # fmt: skip
    axes.axvspan(-margin, margin, color=TRUE, alpha=0.08, lw=0)
    axes.axvline(0, color=TRUE, lw=0.8)
    for row, (word, middle, half, color) in enumerate(shown):
        axes.plot([middle - half, middle + half], [-row, -row], color=color, lw=3, solid_capstyle="butt")
        axes.plot(middle, -row, "o", color=color, ms=7)
        axes.text(3.2, -row, word, va="center", color=color)
    axes.text(-margin + 0.08, 0.75, "margin", color=TRUE, fontsize=9)
    axes.set(xlim=(-4, 4.6), ylim=(-3.6, 1.1), yticks=[], xlabel="A - B, where higher is better")
    axes.spines["left"].set_visible(False)


def rooms(axes: Axes) -> None:
    """Draw the rooms of the library with an arc for the imports between two of them."""
    arrows, lines = imports()
    place = {room: -n for n, room in enumerate(ROOMS)}
    for room, y in place.items():
        width = 0.9 + 1.8 * lines[room] / max(lines.values())
        axes.barh(y, width, left=-width, height=0.62, color="#dfe7e3", edgecolor=HIT)
        axes.text(-0.12, y, room, ha="right", va="center", fontweight="bold")
    for (above, below), number in arrows.items():
        top, bottom = place[above], place[below]
        bow = 0.2 + 0.16 * abs(top - bottom)
        axes.annotate("", (0.04, bottom + 0.1), (0.04, top - 0.1), arrowprops={
            "arrowstyle": "-|>", "color": TRUE if bottom > top else FALSE, "alpha": min(0.9, 0.25 + 0.08 * number),
            "lw": 0.8, "connectionstyle": f"arc3,rad={bow / max(1, abs(top - bottom)) * 2.6}"})  # fmt: skip
    axes.set(xlim=(-2.9, 5.4), ylim=(-len(ROOMS) + 0.3, 0.7))
    axes.axis("off")


def imports() -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Return the imports from room to room, and the lines of each room, from the source."""
    arrows: Counter[tuple[str, str]] = Counter()
    lines: Counter[str] = Counter()
    for path in sorted((ROOT / "crowdeval").rglob("*.py")):
        room = path.relative_to(ROOT / "crowdeval").parts[0]
        if room not in ROOMS:
            continue
        source = path.read_text(encoding="utf-8")
        lines[room] += source.count("\n")
        for node in ast.walk(ast.parse(source)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else (
                [each.name for each in node.names] if isinstance(node, ast.Import) else [])  # fmt: skip
            for name in names:
                parts = name.split(".")
                if parts[0] == "crowdeval" and len(parts) > 1 and parts[1] in ROOMS and parts[1] != room:
                    arrows[room, parts[1]] += 1
    return arrows, lines


def draw_all(folder: Path) -> None:
    """Write all pictures into a folder, as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=(1.5, 1), layout="constrained")
        matching(axes[0], 0.5)
        axes[0].legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 0.0), fontsize=9)
        over_delta(axes[1])
        _save(figure, folder / "overview.svg")

        figure, axes = plt.subplots(1, 2, figsize=(11, 4.0), layout="constrained")
        matching(axes[0], 0.5)
        matching(axes[1], 0.1)
        _save(figure, folder / "matching.svg")

        for name, draw, size in (("scale", scales, (6.4, 4.6)), ("curves", curves, (6.0, 4.2)),
                                 ("deltas", over_delta, (6.0, 3.6)), ("variance", variance, (7.0, 4.0)),
                                 ("verdicts", verdicts, (6.6, 3.0)), ("rooms", rooms, (8.0, 6.4))):  # fmt: skip
            figure, alone = plt.subplots(figsize=size, layout="constrained")
            draw(alone)
            _save(figure, folder / f"{name}.svg")


def _save(figure: plt.Figure, path: Path) -> None:
    """Write a picture without a date, so that the same code gives the same file."""
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]))
