"""Measure the baseline's speed and memory against the slow ways: ``python -m benchmarks.p2pnet.speed``."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch

from baselines.p2pnet.export import export_onnx
from benchmarks.p2pnet.variants import Variant, model_of
from benchmarks.p2pnet.worker import GIB, Measured, alternating
from benchmarks.performance.tables import table

PARTS = ("step", "forward", "tiled")
Row = tuple[str, str, str, bool | None]
"""What, asked, measured, and whether it was reached; None where nothing was asked."""


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes and few rounds: whether it runs, not how fast it is.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds after the first; 5 by default, 2 with --quick.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only this; may be given again.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also write the Markdown to a file.")
def main(quick: bool, rounds: int | None, parts: Sequence[str], output: Path | None) -> None:
    """Print what was asked and what is measured, and every variant's time and memory, as Markdown.

    A measured ratio is the median over rounds of alternating runs; memory is the peak of a process that does nothing
    else, its libraries included. With --quick nothing is said to be met.
    """
    rounds = rounds or (2 if quick else 5)
    rows: list[Row] = []
    found: list[Measured] = []
    for part in parts or PARTS:
        more, measured = {"step": _steps, "forward": _forwards, "tiled": _large}[part](quick, rounds)
        rows += more
        found += measured
    if quick:
        rows = [(*row[:3], None) for row in rows]
    text = "\n\n".join([machine(), reaches(rows), details(found)]) + "\n"
    click.echo(text)
    if output:
        output.write_text(text, encoding="utf-8")


def _steps(quick: bool, rounds: int) -> tuple[list[Row], list[Measured]]:
    crops = 4 if quick else 32
    rows: list[Row] = []
    everything: list[Measured] = []
    for heads in (300, 100):
        slow, *ours = found = alternating(
            [
                Variant(job="step", crops=crops, heads=heads, slow=True, channels_last=False),
                Variant(job="step", crops=crops, heads=heads),
                Variant(job="step", crops=crops, heads=heads, recompute=1),
                Variant(job="step", crops=crops, heads=heads, precision="bf16"),
            ],
            rounds,
        )
        everything += _agreed(found)
        for each in ours:
            what = f"training step, {crops} crops of {heads} heads, {each.variant.name}"
            times, memory, share = each.times_faster(slow), each.peak / slow.peak, each.share
            if heads == 300:
                rows.append((f"{what}: times faster", "1.8 or more", f"{times:.2f}", times >= 1.8))
                rows.append((f"{what}: share of the memory", "1/3 or less", f"{memory:.2f}", memory <= 1 / 3))
            else:
                rows.append((f"{what}: times faster", "", f"{times:.2f}", None))
                rows.append((f"{what}: share of the memory", "", f"{memory:.2f}", None))
            rows.append((f"{what}: matcher and losses", "under 5%", f"{share:.1%}", share < 0.05))
    return rows, everything


def _forwards(quick: bool, rounds: int) -> tuple[list[Row], list[Measured]]:
    height, width = (192, 256) if quick else (768, 1024)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        export_onnx(model_of(Variant(job="forward"))[0], file)
        slow, *ours = found = alternating(
            [
                Variant(job="forward", height=height, width=width, slow=True, channels_last=False),
                Variant(job="forward", height=height, width=width, channels_last=False),
                Variant(job="forward", height=height, width=width),
                Variant(job="forward", height=height, width=width, onnx=str(file), channels_last=False),
                Variant(job="forward", height=height, width=width, precision="bf16"),
            ],
            rounds,
        )
    rows: list[Row] = []
    for each in ours:
        what, times = f"forward, {width} x {height}, {each.variant.name}: times faster", each.times_faster(slow)
        if each.variant.precision == "bf16":
            met = times >= 4 if bf16_instructions() else None
            rows.append((what, "4 or more, with AMX or AVX512-BF16", f"{times:.2f}", met))
        elif each.variant.channels_last:
            rows.append((what, "1.25 or more", f"{times:.2f}", times >= 1.25))
        else:
            rows.append((what, "", f"{times:.2f}", None))
    return rows, _agreed(found)


def _large(quick: bool, rounds: int) -> tuple[list[Row], list[Measured]]:
    """Once each, without a first run: it is its own, over many tiles."""
    width, height = (1500, 2000) if quick else (6000, 8000)
    variants = [Variant(job="tiled", width=width, height=height, precision=name) for name in ("float32", "bf16")]
    found = [measured for variant in variants for measured in alternating([variant], 0)]
    rows: list[Row] = []
    for each in found:
        what = f"tiled prediction, {width} x {height}, {each.variant.name}"
        rows.append((f"{what}: peak GiB", "under 4", f"{each.peak / GIB:.2f}", each.peak < 4 * GIB))
        rows.append((f"{what}: seconds", "", f"{each.seconds:.1f}", None))
    return rows, _agreed(found)


def _agreed(found: list[Measured]) -> list[Measured]:
    """Return the ways of doing a job; raise where they do not give the same, to 1e-4, and 2e-2 in bf16."""
    expected = found[0].first["result"]
    for each in found:
        off = abs(each.first["result"] - expected) / abs(expected)
        if off > (1e-4 if each.variant.precision == "float32" else 2e-2):
            raise click.ClickException(f"{each.variant.name}: gives {each.first['result']:.6g}, not {expected:.6g}")
    return found


def machine() -> str:
    """Name the processor, its bf16 instructions, torch's threads and the versions that matter."""
    model = next((line.split(":")[1].strip() for line in _cpu() if line.startswith("model name")), platform.machine())
    half = ", ".join(bf16_instructions()) or "no bf16 instructions"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnxruntime", "numpy", "scipy"))
    return f"{model} ({half}), {torch.get_num_threads()} threads, Python {platform.python_version()}, {libraries}"


def bf16_instructions() -> list[str]:
    """Return those of the processor, by the names that Linux gives them."""
    words = {word for line in _cpu() if line.startswith("flags") for word in line.split()}
    return sorted(words & {"amx_bf16", "avx512_bf16"})


def _cpu() -> list[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text().splitlines() if info.exists() else []


def reaches(rows: Sequence[Row]) -> str:
    """Return what was asked and what is measured."""
    met = {True: "yes", False: "NO", None: ""}
    return table(["what", "asked", "measured", "met"], [[*row[:3], met[row[3]]] for row in rows])


def details(found: Sequence[Measured]) -> str:
    """Return every variant's time, memory and result."""
    head = [
        "job",
        "way",
        "median s",
        "least",
        "most",
        "matcher s",
        "losses s",
        "at rest GiB",
        "peak GiB",
        "first result",
    ]
    return table(head, (list(_detail(each)) for each in found))


def _detail(measured: Measured) -> Iterator[str]:
    variant, runs = measured.variant, sorted(measured.runs, key=lambda run: run["seconds"])
    size = f"{variant.crops} crops, {variant.heads} heads" if variant.crops else f"{variant.width} x {variant.height}"
    yield f"{variant.job}, {size}"
    yield variant.name
    yield from (f"{seconds:.3g}" for seconds in (measured.seconds, runs[0]["seconds"], runs[-1]["seconds"]))
    middle = runs[len(runs) // 2]
    yield from (f"{middle[name]:.3g}" if name in middle else "" for name in ("matcher", "losses"))
    yield from (f"{taken / GIB:.2f}" for taken in (measured.at_rest, measured.peak))
    yield f"{measured.first['result']:.6g}"


if __name__ == "__main__":
    main()
