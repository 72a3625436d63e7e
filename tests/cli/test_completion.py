"""Completion in a shell: the suggested words; neither completion nor help imports a large package."""

import os
import subprocess
import sys

import pytest

from crowdeval import options
from crowdeval.cli import VERBS


def completed(words):
    """Return the suggestions that bash gets for the last of the words, as (type, value)."""
    environment = {
        **os.environ,
        "_CROWDEVAL_COMPLETE": "bash_complete",
        "COMP_WORDS": f"crowdeval {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    code = "import sys; sys.argv = ['crowdeval']; from crowdeval.cli import main\ntry: main()\nfinally:\n"
    code += "  print('heavy', sorted({'numpy', 'msgspec', 'rich', 'pandas'} & set(sys.modules)), file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert run.stderr == "heavy []\n"
    return {tuple(line.split(",", 1)) for line in run.stdout.splitlines()}


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("sc", "score"),
        ("score --fail", "--fail-under"),
        ("score --preset sh", "shanghaitech"),
        ("score --metric na", "nAP"),
        ("score -m L-", "L-AUC@1:1:100px"),
        ("score --fail-under nAP", "nAP@0.5="),
        ("score --predictions-format pa", "parquet"),
        ("score --format la", "latex"),
        ("score p.json shang", "shanghaitech-a:test"),
        ("check p.json nwpu", "nwpu:val"),
        ("convert p.csv --to js", "jsonl"),
        ("convert p.csv --from co", "coco"),
        ("convert ucf-q", "ucf-qnrf:train"),
        ("datasets ch", "check"),
        ("datasets check jhu", "jhu-crowd++"),
        ("datasets export wider", "wider-face:val"),
        ("metrics F1", "F1@8px"),
        ("adapters show y", "yunet"),
        ("predict dens", "density"),
        ("predict density shang", "shanghaitech-b:test"),
        ("leaderboard --by ma", "MAE"),
    ],
)
def test_completion_offers_values(words, value):
    assert ("plain", value) in completed(words)


def test_files_are_offered_beside_datasets():
    assert completed("score p") == {("file", "p")}
    assert ("file", "shang") in completed("score p.json shang")


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_imports_nothing_heavy(verb):
    code = f"import sys; from crowdeval.cli import main\ntry: main(['{verb}', '--help'])\nexcept SystemExit: pass\n"
    code += "print('heavy', sorted({'numpy', 'msgspec', 'rich', 'pandas'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("heavy []\n")


def test_the_literal_names_equal_the_library():
    from crowdeval.datasets import DATASETS
    from crowdeval.render import RENDERERS
    from crowdeval.render.leaderboard import FORMS

    assert set(options.REPORT_SUFFIXES.values()) == set(RENDERERS.table)
    assert set(options.LEADERBOARD_SUFFIXES.values()) == set(FORMS.table)
    assert list(options.SPLITS) == list(DATASETS.table)
    for name, splits in options.SPLITS.items():
        about = DATASETS[name].about
        assert splits == tuple(split for split in about.splits if split not in about.hidden), name


def test_the_literal_metrics_mean_something_and_leave_none_out():
    from crowdeval.metrics import METRICS, canonical
    from crowdeval.metrics.strings import Metric

    assert all(canonical(name) for name in options.METRICS)
    assert {Metric.parse(name).name for name in options.METRICS} == set(METRICS.table)
