"""The parts of the site that are made from the code: pictures, a page for each command, the tables of metrics.

Everything is written below ``docs/_made`` and ``docs/commands``, which are not kept in the repository.
"""

from __future__ import annotations

from pathlib import Path

import figures

import crowdeval
from crowdeval.cli import VERBS


def make_all(docs: Path) -> None:
    """Write all made parts below the folder of the site."""
    made = docs / "_made"
    made.mkdir(exist_ok=True)
    figures.draw_all(made)
    _commands(docs / "commands")
    (docs / "api.md").write_text(_api(), encoding="utf-8")


def _commands(folder: Path) -> None:
    """Write a page for each command, and the page that lists them."""
    folder.mkdir(exist_ok=True)
    for name in VERBS:
        module = "baselines.p2pnet.cli:commands" if name == "p2pnet" else f"crowdeval.cli.{name}:{name}"
        nested = "full" if name == "p2pnet" else "short"
        (folder / f"{name}.rst").write_text(
            f".. click:: {module}\n   :prog: crowdeval {name}\n   :nested: {nested}\n", encoding="utf-8"
        )
    lines = [f"| {{doc}}`crowdeval {name} <{name}>` | {line} |" for name, line in VERBS.items()]
    toctree = "\n".join(VERBS)
    table = "\n".join(lines)
    (folder / "index.md").write_text(
        "# Commands\n\nResults go to standard output, everything else to standard error.\n\n"
        f"| command | what it does |\n| :-- | :-- |\n{table}\n\n{EXIT_CODES}\n"
        f"```{{toctree}}\n:hidden:\n\n{toctree}\n```\n",
        encoding="utf-8",
    )


EXIT_CODES = """| exit code | meaning |
| :-- | :-- |
| 0 | done |
| 2 | wrong usage: an unknown option, metric or name |
| 3 | invalid data: every problem of the file is printed |
| 4 | a file or a dataset is missing |
| 5 | the predictor failed; what it finished is kept |
| 10 | a bound of `--fail-under`, `--fail-over` or `--no-worse-than` is not met |
| 11 | the interval does not decide whether a bound is met |
| 130 | interrupted |
"""

GROUPS = {
    "Evaluate": ("evaluate", "nap", "Protocol", "Report", "NapResult", "knn_scale"),
    "Points": ("Predictions", "Annotations", "align", "read_predictions", "read_annotations", "write_predictions",
               "write_annotations", "open_dataset"),
    "Compare and explain": ("compare", "diagnose"),
    "Models and leaderboards": ("run_predictor", "build_leaderboard"),
    "Evidence and reports": ("Evidence", "evidence_of", "report_of", "concatenated", "read_evidence", "write_evidence",
                             "read_report"),
    "Errors and warnings": ("CrowdevalError", "CrowdevalWarning"),
}  # fmt: skip
"""The public names by the purpose they serve; a name that is missing here is an error."""

_FAMILY = ("Catalogued", "Family", "Measuring", "Scene", "Measured", "Entry", "Reads")
CONTRACTS = {
    "Metrics": [f"crowdeval.metrics.family.{name}" for name in _FAMILY],
    "Formats": ["crowdeval.formats.contract.Format", "crowdeval.formats.source.Source"],
    "Datasets": [f"crowdeval.datasets.contract.{name}" for name in ("Dataset", "About", "Split", "Item")],
    "Predictors": [f"crowdeval.adapters.contract.{name}" for name in ("Predictor", "Image")],
    "P2PNet": [
        f"baselines.p2pnet.{name}"
        for name in ("Config", "P2PNet", "losses", "match", "load_checkpoint", "load_official", "predict_points")
    ],
}
"""The contracts that plugins implement, and the model."""


def _api() -> str:
    """Return the page of the API reference."""
    listed = {name for names in GROUPS.values() for name in names}
    missing = set(crowdeval.__all__) - listed - {"__version__", "PAPER"}
    if missing:
        raise ValueError(f"made_pages.GROUPS lacks public names: {sorted(missing)}")
    sections = [
        "# API reference\n\nEverything that `import crowdeval` offers, and the contracts of plugins. All data go\n"
        "through two types, `Predictions` and `Annotations`; a `Protocol` holds every choice; a `Report`\n"
        "holds the numbers.\n"
    ]
    for title, names in GROUPS.items():
        sections.append(_summary(title, [f"crowdeval.{name}" for name in names]))
    sections.append("## Contracts of plugins, and the model\n")
    for title, names in CONTRACTS.items():
        sections.append(_summary(title, names, level=3))
    return "\n".join(sections)


def _summary(title: str, names: tuple[str, ...] | list[str], *, level: int = 2) -> str:
    """Return a table of names, each with a page of its own."""
    rows = "\n".join(f"   {name}" for name in names)
    return f"{'#' * level} {title}\n\n```{{eval-rst}}\n.. autosummary::\n   :toctree: _made/api\n\n{rows}\n```\n"
