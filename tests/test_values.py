"""No digit moves unseen: every value of every preset on every set at hand, as repr writes it.

The numbers stand in tests/golden/values. Where a change is meant, ``CROWDEVAL_WRITE_VALUES=1 pytest
tests/test_values.py`` writes them anew, and the difference goes into the changelog.
"""

import os
from pathlib import Path

import pytest
import value_sets

from crowdeval import Protocol, evaluate
from crowdeval.errors import NeedsError

FOLDER = Path(__file__).parent / "golden" / "values"
PRESETS = ("paper", "nwpu", "shanghaitech", "qnrf", "jhu", "everything")
OPTIONS = {
    **{preset: Protocol(preset=preset) for preset in PRESETS},
    "step": Protocol(metrics=["nAP", "AP@8px"], ap="step"),
    "coco101": Protocol(metrics=["nAP", "AP@8px", "L-AUC@2:2:20px"], ap="coco101"),
    "voc11": Protocol(metrics=["nAP", "AP@8px"], ap="voc11"),
    "pool:image": Protocol(metrics=["nAP"], pool="image"),
    "wide": Protocol(metrics=["nAP"], delta="0.25:0.25:2", k=1),
    "lone:12": Protocol(metrics=["nAP", "MAE by scale_quartile"], lone="12", k=2),
    "lone:diagonal": Protocol(metrics=["nAP"], lone="diagonal"),
    "off:clip": Protocol(metrics=["nAP", "F1@8px", "MAE"], off_image="clip"),
    "count:0.25": Protocol(metrics=["MAE", "F1@8px", "GAME(2)", "MLE@8px"], count_threshold=0.25),
    "by place": Protocol(metrics=["MAE by place", "RMSE by place", "NAE[S]", "bias"]),
}
PER_IMAGE = ("paper", "nwpu", "everything")


def lines_of(predictions, annotations, *, options, per_image):
    """Every value of every protocol as ``name = repr``; what the data lack as its message."""
    lines = []
    for name in options:
        lines.append(f"[{name}]")
        try:
            report = evaluate(predictions, annotations, protocol=OPTIONS[name], per_image=per_image)
        except NeedsError as problem:
            lines += [f"refused: {line}" for line in str(problem).splitlines()]
            continue
        lines += [f"{metric} = {value!r}" for metric, value in report.values.items()]
        lines += [f"warning: {text}" for text in sorted(report.warnings)]
        if per_image and name in PER_IMAGE:
            lines += [
                f"{column}: {' '.join(map(repr, values.tolist()))}" for column, values in report.per_image.items()
            ]
    return lines


def held(name, lines):
    """Compare with the golden file, or write it where that is asked for."""
    file = FOLDER / f"{name}.txt"
    if os.environ.get("CROWDEVAL_WRITE_VALUES"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in lines))
    assert lines == file.read_text().splitlines()


@pytest.mark.filterwarnings("ignore::crowdeval.errors.CrowdevalWarning")
@pytest.mark.parametrize("name", value_sets.GENERATED)
def test_values_of_generated_sets_are_those_written_down(name):
    predictions, annotations = value_sets.GENERATED[name]()
    held(name, lines_of(predictions, annotations, options=OPTIONS, per_image=name in ("ties", "lone")))


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::crowdeval.errors.CrowdevalWarning")
@pytest.mark.parametrize("name", value_sets.REAL)
def test_values_of_real_sets_are_those_written_down(name, data_folder):
    predictions, annotations = value_sets.real(name, data_folder)
    presets = [preset for preset in PRESETS if preset != "qnrf"]  # "everything" holds its metrics, which take long
    held(f"real_{name}", lines_of(predictions, annotations, options=presets, per_image=False))
