"""Plugins as packages of their own: built, installed with pip in a virtual environment, found by their entry point."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "benchmarks" / "example_plugin"
UNREACHABLE = ("No matching distribution", "Could not find a version", "ConnectionError", "Failed to establish")


class Place:
    """A virtual environment with crowdeval from its wheel and, by a .pth file, the packages it needs from here."""

    def __init__(self, folder):
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / "bin" / "python"
        packages = Path(self.run("-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").stdout.strip())
        (packages / "needed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    def run(self, *words, check=True):
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
        done = subprocess.run(
            [self.python, *map(str, words)], cwd=self.folder, env=clean, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def install(self, *projects):
        command = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", "--no-deps", *projects]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode and any(words in done.stderr for words in UNREACHABLE):
            pytest.skip(f"pip can't reach the packages that building needs: {done.stderr.strip()[-200:]}")
        assert done.returncode == 0, done.stderr

    def crowdeval(self, *words, check=True):
        return self.run("-m", "crowdeval", *words, check=check)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A virtual environment with crowdeval, the example plugin, and the package that ``adapters new`` writes."""
    folder = tmp_path_factory.mktemp("plugins")
    place = Place(folder / "venv")
    place.install(ROOT)
    place.crowdeval("adapters", "new", "my-model", "-o", folder / "my-model")
    place.install(EXAMPLE, folder / "my-model")
    return place


def test_crowdeval_is_the_installed_one(place):
    assert str(place.folder) in place.run("-c", "import crowdeval; print(crowdeval.__file__)").stdout


def test_the_example_is_listed_with_version_and_package(place):
    assert "bright-spots  1.0.0  crowdeval-example" in place.crowdeval("adapters").stdout


def test_the_options_of_the_example_are_shown(place):
    assert "side=32" in place.crowdeval("adapters", "show", "bright-spots").stdout


@pytest.mark.parametrize("tests", [EXAMPLE / "tests", "../my-model/tests"])
def test_its_own_tests_pass(place, tests):
    done = place.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir=.", tests)
    assert " passed" in done.stdout


def test_the_skeleton_is_found_by_its_name(place):
    assert "my-model  0.1.0  crowdeval-my-model" in place.crowdeval("adapters").stdout


def test_an_option_of_the_example_that_is_unknown_gets_suggestions(place):
    code = "from crowdeval.adapters import load_adapter; load_adapter('bright-spots', ['sides=3'])"
    assert "did you mean 'side'?" in place.run("-c", code, check=False).stderr
