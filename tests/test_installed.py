"""What is tested is what is installed."""

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import crowdeval

MODULES = ["crowdeval", *(m.name for m in pkgutil.walk_packages(crowdeval.__path__, "crowdeval."))]


@pytest.mark.skipif("CROWDEVAL_INSTALLED" not in os.environ, reason="set by make test")
def test_the_tests_run_against_the_installed_wheel():
    assert "site-packages" in Path(crowdeval.__file__).parts


@pytest.mark.parametrize("name", MODULES)
def test_doctests_hold(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def modules_after(code):
    script = f"{code}\nimport sys; print(' '.join(sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_crowdeval_imports_no_numpy():
    assert not {"numpy", "click", "msgspec"} & modules_after("import crowdeval")


def test_the_help_imports_no_numpy():
    code = "from crowdeval.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not {"numpy", "msgspec", "rich"} & modules_after(code)


def test_scoring_json_imports_no_framework():
    assert not {"pandas", "pyarrow", "torch", "matplotlib", "sklearn", "PIL"} & modules_after(
        "import crowdeval.cli.score"
    )


def test_every_public_name_resolves():
    assert [name for name in crowdeval.__all__ if getattr(crowdeval, name) is None] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = crowdeval.nope
