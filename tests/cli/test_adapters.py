import subprocess
import sys
import tomllib

import pytest


@pytest.fixture
def adapters(crowdeval):
    """Run ``crowdeval adapters`` in this process; returns (exit code, stdout, stderr)."""
    return lambda *words: crowdeval("adapters", *words)


def test_the_list_names_every_adapter_with_version_and_origin(adapters):
    from crowdeval import __version__
    from crowdeval.adapters import ADAPTERS

    code, out, _ = adapters()
    assert code == 0
    assert all(f"{name}  {__version__}  built-in\n" in out for name in ADAPTERS.table)


def test_the_list_has_options_with_their_defaults(adapters):
    _, out, _ = adapters()
    assert "confidence=0.15, nms=0.3, scales=1,2,3" in out
    assert "file=... (required, a file or folder)" in out


def test_a_package_that_is_absent_comes_with_the_way_to_get_it(adapters, monkeypatch):
    monkeypatch.setattr("crowdeval.adapters.packages.is_installed", lambda name: name != "cv2")
    _, out, _ = adapters()
    assert "cv2 (cv2 not installed: pip install '.[opencv]')" in out
    assert "  needs    onnxruntime\n" in out


def test_listing_imports_no_framework():
    code = "from crowdeval.cli.adapters import adapters\nadapters([], standalone_mode=False)\nimport sys\n"
    code += "print(sorted({'torch', 'cv2', 'onnxruntime', 'scipy', 'pandas', 'PIL', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_one_adapter_is_described_with_what_its_options_mean(adapters):
    code, out, _ = adapters("show", "command")
    assert code == 0
    assert "restarts : int\n    Number of times the program is started again" in out


def test_a_class_in_a_file_is_described_too(adapters, tmp_path):
    path = tmp_path / "mine_to_show.py"
    path.write_text("class Mine:\n    '''Guesses.'''\n    revision = '7'\n    def __init__(self, luck=0.5): pass\n")
    code, out, _ = adapters("show", f"{path}:Mine")
    assert code == 0
    assert "mine_to_show.py:Mine  7" in out
    assert "luck=0.5" in out
    assert "Guesses." in out
    sys.modules.pop("mine_to_show", None)


def test_an_unknown_one_gets_the_near_ones(adapters):
    code, _, err = adapters("show", "onxn")
    assert code == 2
    assert "did you mean 'onnx'?" in err


def test_a_new_package_has_an_entry_point_a_module_a_test_and_a_readme(adapters, tmp_path):
    code, _, err = adapters("new", "my-model", "-o", tmp_path / "here")
    assert code == 0
    assert "pip install -e" in err
    written = sorted(path.relative_to(tmp_path / "here").as_posix() for path in (tmp_path / "here").rglob("*.*"))
    assert written == [
        "README.md",
        "pyproject.toml",
        "src/crowdeval_my_model/__init__.py",
        "tests/test_crowdeval_my_model.py",
    ]
    project = tomllib.loads((tmp_path / "here" / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["crowdeval.adapters"] == {"my-model": "crowdeval_my_model:MyModel"}


def test_the_new_predictor_works_as_it_is(adapters, tmp_path, monkeypatch):
    import numpy as np

    from crowdeval.adapters import Image, answers, load_adapter

    adapters("new", "bright", "-o", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    [answer] = answers(
        load_adapter("crowdeval_bright:Bright"), [Image(id="a", pixels=np.full((2, 2, 3), 51, dtype=np.uint8))]
    )
    assert answer.xy.tolist() == [[0.5, 0.5]]
    assert answer.score.tolist() == [0.2]
    sys.modules.pop("crowdeval_bright", None)


def test_nothing_is_overwritten(adapters, tmp_path):
    kept = tmp_path / "mine.txt"
    kept.write_text("mine")
    code, _, err = adapters("new", "my-model", "-o", tmp_path)
    assert code == 2
    assert "nothing is overwritten" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["My Model", "2nd", "a_b", "-x", "a--b", "../x", "ünet"])
def test_a_name_that_can_not_be_an_adapters_is_refused(adapters, tmp_path, name):
    code, _, err = adapters("new", "-o", tmp_path / "here", "--", name)
    assert code == 2
    assert "small letters, digits and single hyphens" in err
    assert not (tmp_path / "here").exists()


def test_the_name_of_a_built_in_one_is_refused(adapters, tmp_path):
    code, _, err = adapters("new", "onnx", "-o", tmp_path / "here")
    assert code == 2
    assert "one of crowdeval's own" in err
