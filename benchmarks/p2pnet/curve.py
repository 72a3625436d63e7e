"""The learning curve of a run as a picture: ``python -m benchmarks.p2pnet.curve RUN/log.jsonl -o curve.png``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from baselines.p2pnet.run_files import entries_of

INK, GREY, FAINT = "#222222", "#8a8a8a", "#e4e4e4"
BLUE, ORANGE, GREEN = "#2f6db3", "#d9702b", "#3a8f5c"
STYLE = {"linewidth": 1.8, "solid_capstyle": "round"}
LINE = 11
"""Points from one name to the next."""

DELTAS = ("nAP@0.05", "nAP@0.25", "nAP@0.5")

Values = NDArray[np.float64]
Series = tuple[Values, Values]
"""Steps, and the values at them."""


@click.command()
@click.argument("log", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="The picture: .png, .svg, .pdf.")
@click.option(
    "--window", type=click.IntRange(1), help="Steps the loss is averaged over; a hundredth of all by default."
)
@click.option("--title", default="", help="A line above the picture.")
def main(log: Path, out: Path, window: int | None, title: str) -> None:
    """Draw the loss, and nAP and MAE of the validation images, against steps; the chosen checkpoint is marked."""
    steps, validations = read(log)
    if not steps:
        raise click.ClickException(f"{log} holds no steps")
    picture = drawn(steps, validations, min(window or max(len(steps) // 100, 1), len(steps)), title)
    picture.savefig(out, dpi=150, metadata={"Date": None} if out.suffix == ".svg" else None)


def read(log: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the log's steps and validations; a last line that is still being written is none."""
    entries = list(entries_of(log))
    return [each for each in entries if "loss" in each], [each for each in entries if "validation" in each]


def drawn(steps: list[dict[str, Any]], validations: list[dict[str, Any]], window: int, title: str) -> Figure:
    """Return the picture: three panels on one axis of steps, or the first alone where nothing was validated."""
    heights = (3, 3, 2) if validations else (1,)
    figure = Figure(figsize=(8, 1.25 * sum(heights)) if validations else (8, 4), layout="constrained")
    panels = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _loss(panels[0], steps, window)
    last = max(each["step"] for each in (*steps, *validations))
    panels[-1].set(xlabel="step", xlim=(0, last * 1.005))
    panels[-1].xaxis.set_major_formatter("{x:,.0f}")
    if validations:
        _nap(panels[1], validations)
        _count(panels[2], validations)
        _mark_chosen(panels, validations)
    for panel in panels:
        _plain(panel)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, weight="bold")
    return figure


def _loss(panel: Axes, steps: list[dict[str, Any]], window: int) -> None:
    """Loss and its classification term, averaged, and where eight tenths of the steps' losses are."""
    total, classification = (np.array([each[name] for each in steps]) for name in ("loss", "classification"))
    thin = max(window // 8, 1)
    x = np.array([each["step"] for each in steps])[window - 1 :: thin]
    low, high = np.quantile(_windows(total, window)[::thin], (0.1, 0.9), axis=1)
    panel.fill_between(x, low, high, color=BLUE, alpha=0.13, linewidth=0, label="8 of 10 steps")
    for name, values, color in (("loss", total, BLUE), ("its classification term", classification, ORANGE)):
        panel.plot(x, _windows(values, window)[::thin].mean(axis=1), color=color, label=name, **STYLE)
    panel.set(ylim=(0, 1.15 * high.max()))
    look = {"framealpha": 1, "facecolor": "white", "edgecolor": "white", "labelcolor": INK, "fontsize": 8.5}
    panel.legend(loc="upper right", ncols=3, handlelength=1.3, borderaxespad=0.2, **look)
    _head(panel, f"Training loss, mean of {window:,} steps" if window > 1 else "Training loss")


def _windows(values: Values, window: int) -> Values:
    return np.lib.stride_tricks.sliding_window_view(values, window)


def _nap(panel: Axes, validations: list[dict[str, Any]]) -> None:
    """Three of the ten, and their mean."""
    for name in DELTAS:
        panel.plot(*_series(validations, name), color=GREY, linewidth=1, marker="o", markersize=2.5)
    panel.plot(*_series(validations, "nAP"), color=BLUE, marker="o", markersize=4, **STYLE)
    panel.set(ylim=(0, None))
    names = {"nAP": ("mean", BLUE), **{name: (name.partition("@")[2], GREY) for name in DELTAS}}
    _name_ends(panel, validations, names)
    _head(panel, "nAP of the validation images, at three delta and the mean of all")


def _count(panel: Axes, validations: list[dict[str, Any]]) -> None:
    """MAE and RMSE; on a logarithmic axis where the first counts are far off."""
    panel.plot(*_series(validations, "RMSE"), color=GREY, linewidth=1, marker="o", markersize=2.5)
    panel.plot(*_series(validations, "MAE"), color=GREEN, marker="o", markersize=4, **STYLE)
    counts = np.concatenate([_series(validations, name)[1] for name in ("MAE", "RMSE")])
    if counts.min() > 0 and counts.max() > 6 * counts.min():
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_minor_locator(NullLocator())
        panel.set(ylim=(0.8 * counts.min(), 1.2 * counts.max()))
    else:
        panel.set(ylim=(0, None))
    panel.yaxis.set_major_formatter("{x:,.0f}")
    _name_ends(panel, validations, {"MAE": ("MAE", GREEN), "RMSE": ("RMSE", GREY)})
    _head(panel, "Count error of the validation images")


def _mark_chosen(panels: NDArray[Any], validations: list[dict[str, Any]]) -> None:
    chosen = [each for each in validations if each["best"]]
    if not chosen:
        return
    step, values = chosen[-1]["step"], chosen[-1]["validation"]
    for panel in panels:
        panel.axvline(step, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for panel, name, color in ((panels[1], "nAP", BLUE), (panels[2], "MAE", GREEN)):
        panel.plot([step], [values[name]], "o", markersize=9, markerfacecolor="white", markeredgecolor=color, mew=2)
    text = f"- -  chosen: step {step:,}, nAP {values['nAP']:.3f}, MAE {values['MAE']:.1f}"
    panels[0].set_title(text, loc="right", fontsize=9, color=INK)


def _series(validations: list[dict[str, Any]], name: str) -> Series:
    return np.array([each["step"] for each in validations]), np.array(
        [each["validation"][name] for each in validations]
    )


def _name_ends(panel: Axes, validations: list[dict[str, Any]], names: dict[str, tuple[str, str]]) -> None:
    """Write each line's name, in its colour, where it ends; lines that end together get their names apart."""
    to_axes = panel.transData + panel.transAxes.inverted()
    ends = [(*to_axes.transform([values[-1] for values in _series(validations, key)]), key) for key in names]
    gap = LINE / panel.bbox.height * panel.figure.dpi / 72
    below = -np.inf
    for x, y, key in sorted(ends, key=lambda end: end[1]):
        below = max(y, below + gap)
        word, color = names[key]
        place = {"xycoords": "axes fraction", "xytext": (8, 0), "textcoords": "offset points"}
        panel.annotate(word, (x, below), va="center", fontsize=8.5, color=color, annotation_clip=False, **place)


def _head(panel: Axes, title: str) -> None:
    panel.set_title(title, loc="left", fontsize=10, color=INK)


def _plain(panel: Axes) -> None:
    panel.grid(axis="y", color=FAINT, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.spines["bottom"].set_color(GREY)
    panel.tick_params(length=0, labelsize=8.5, labelcolor=INK, which="both")


if __name__ == "__main__":
    main()
