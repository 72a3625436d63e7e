"""The measurements as Markdown: ratios first, then reaches, then the tables size by size."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

Result = dict[str, Any]

STAGES = {
    "tree": "tree",
    "d_k": "d_k",
    "queries": "candidate queries",
    "ranking": "ranking",
    "rounds": "matching rounds",
    "curves": "curves",
    "rest": "rest",
}


def machine() -> str:
    """Name the processor, its cores and the versions that matter."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "msgspec", "click"))
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with its numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sizes(results: Sequence[Result]) -> str:
    """Return time and memory, size by size."""
    head = [
        "scene",
        "images",
        "true points",
        "wall s",
        "CPU s",
        "us a prediction",
        "bytes a prediction",
        "with the sets",
    ]
    return table(
        head,
        [
            [
                _name(r),
                f"{r['images']:,}",
                f"{r['truths']:,}",
                f"{r['wall']:.3g}",
                f"{r['cpu']:.3g}",
                f"{1e6 * r['wall'] / r['predictions']:.2f}",
                f"{r['bytes']:.0f}",
                f"{r['bytes_with_inputs']:.0f}",
            ]
            for r in results
        ],
    )


def stages(results: Sequence[Result]) -> str:
    """Return the share of every stage."""
    return table(
        ["scene", *STAGES.values()],
        [[_name(r), *(f"{r['stages'][key] / r['wall']:.0%}" for key in STAGES)] for r in results],
    )


def loops(results: Sequence[Result]) -> str:
    """Return the ratios to the textbook loop."""
    rows = []
    for r in results:
        if "textbook" not in r:
            continue
        loop = r["textbook"]
        whole = loop["images"] == r["images"]
        rows.append(
            [
                _name(r),
                f"{loop['loop'] / loop['nap']:,.0f} x",
                f"{loop['shared'] / loop['nap']:,.0f} x",
                f"{loop['loop'] / r['wall']:,.0f} x",
                f"{loop['loop']:.3g}",
                "all" if whole else f"{loop['images']} of {r['images']}, scaled up",
                "identical" if loop["identical"] else "DIFFERENT",
                f"{loop['difference']:.0e}" if whole else "not compared",
            ]
        )
    head = [
        "scene",
        "loop / nAP",
        "loop with shared distances / nAP",
        "loop / whole evaluation",
        "loop s",
        "images of the loop",
        "flags",
        "nAP differs by",
    ]
    return table(head, rows)


def reaches(results: Sequence[Result], score: Result | None, help_cost: Result | None) -> str:
    """Return what was to be reached, and whether it was."""
    rows = []
    by_size = {r["size"]: r for r in results}
    base, all_kept = by_size.get("4e5"), by_size.get("proposals")
    if base and "textbook" in base:
        ratio = base["textbook"]["loop"] / base["textbook"]["nap"]
        rows.append(("400k predictions: at least 300 times the textbook loop", f"{ratio:,.0f} x", ratio >= 300))
    if base and all_kept:
        ratio = all_kept["wall"] / base["wall"]
        rows.append(("9 million proposals within 20 times the time of 400k", f"{ratio:.1f} x", ratio <= 20))
    growing = [r for r in results if r["size"] != "proposals" and r["predictions"] >= 1e5]
    if len(growing) > 1:
        first, last = growing[0], growing[-1]
        growth = last["cpu"] / first["cpu"] / (last["predictions"] / first["predictions"])
        label = f"CPU time grows no faster than linearly (x log): {first['size']} to {last['size']}, per prediction"
        rows.append((label, f"{growth:.2f} x", growth <= _logs(first, last)))
        growth = last["bytes_with_inputs"] / first["bytes_with_inputs"]
        label = f"memory likewise: {first['size']} to {last['size']}, per prediction"
        rows.append((label, f"{growth:.2f} x", growth <= 1.1))
    large = [r for r in results if r["predictions"] >= 1e5]
    if large:
        worst = max(large, key=lambda r: r["bytes_with_inputs"])
        label = (
            "at most 200 bytes of peak memory a prediction, the caller's own arrays not counted "
            f"(worst from 1e5 on: {_name(worst)})"
        )
        rows.append((label, f"{worst['bytes_with_inputs']:.0f}", worst["bytes_with_inputs"] <= 200))
    if score:
        label = (
            f"`crowdeval score` on {score['points']:,} + {score['points']:,} points in JSON: less than half its time"
        )
        rows.append((f"{label} outside reading and tree queries", f"{score['share']:.0%}", score["share"] < 0.5))
    if help_cost:
        ratio = help_cost["ratio"]
        rows.append(("`crowdeval --help` at most 1.6 times `import click`", f"{ratio:.2f} x", ratio <= 1.6))
    return table(["reach", "measured", "met"], [(a, b, "yes" if met else "NO") for a, b, met in rows])


def command(score: Result, help_cost: Result) -> str:
    """Return where the time of the command line goes."""
    parts = ("interpreter", "imports", "reading", "tree queries", "tree building", "rest of the evaluation")
    rows = [(part, f"{score[part] / score['wall']:.0%}", f"{score[part]:.3f}") for part in parts]
    other = score["wall"] - sum(score[part] for part in parts)
    rows += [("rendering and exit", f"{other / score['wall']:.0%}", f"{other:.3f}")]
    rows += [("whole", "100%", f"{score['wall']:.3f}")]
    how = "the installed console script" if help_cost["installed"] else "`python -c` (crowdeval is not installed here)"
    return "\n\n".join(
        [
            f"`crowdeval score` on {_both(score)}, {score['megabytes']:.0f} MB of JSON, "
            f"median of {score['runs']} runs by the share outside reading and tree queries "
            f"({score['share']:.0%}; {score['lowest']:.0%} to {score['highest']:.0%}):",
            table(["part", "share", "s"], rows),
            f"`crowdeval --help` against `python -c 'import click'`: {help_cost['ratio']:.2f} x, median of "
            f"{help_cost['pairs']} alternating pairs ({help_cost['lowest']:.2f} to {help_cost['highest']:.2f}; "
            f"{1e3 * help_cost['help']:.0f} ms against {1e3 * help_cost['click']:.0f} ms), by {how}.",
        ]
    )


def _name(result: Result) -> str:
    return "every proposal kept, 8.9e6" if result["size"] == "proposals" else result["size"]


def _both(score: Result) -> str:
    return f"{score['points']:,} + {score['points']:,} points"


def _logs(first: Result, last: Result) -> float:
    """Return how much n log n grows beyond n."""
    from math import log

    return log(last["predictions"]) / log(first["predictions"])
