"""Every snippet of README and of the site runs, and its Python passes two type checkers."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md")
                                     if "_made" not in path.parts and "commands" not in path.parts)]  # fmt: skip
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLS = ("python -m pip install", "git clone", "make ")


def blocks(page, kind):
    return [text for own, text in BLOCK.findall(page.read_text(encoding="utf-8")) if own == kind]


def python_of(page):
    return "\n".join(blocks(page, "python"))


def named(pages):
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


@pytest.fixture
def clone(tmp_path):
    """A folder with what the snippets use of a clone."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def environment():
    scripts = sysconfig.get_path("scripts")
    return os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}


@pytest.mark.parametrize("page", named([page for page in PAGES if blocks(page, "python")]))
def test_the_python_of_a_page_runs_without_a_warning_but_notices(page, clone):
    quiet = "import warnings; from crowdeval.errors import NoticeWarning as N\n"
    quiet += "warnings.simplefilter('error'); warnings.simplefilter('ignore', N)\n"
    (clone / "page.py").write_text(quiet + python_of(page), encoding="utf-8")
    done = subprocess.run([sys.executable, "page.py"], cwd=clone, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", named([page for page in PAGES if blocks(page, "console")]))
def test_the_commands_of_a_page_run(page, clone):
    for text in blocks(page, "console"):
        for line in text.splitlines():
            if line.startswith("$ ") and not line[2:].startswith(INSTALLS):
                command = line[2:].partition("  #")[0]
                done = subprocess.run(command, shell=True, cwd=clone, env=environment(), capture_output=True, text=True)
                assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A folder with the Python of every page as a module of its own."""
    folder = tmp_path_factory.mktemp("pages")
    for page in PAGES:
        if blocks(page, "python"):
            name = "_".join(page.relative_to(ROOT).with_suffix("").parts)
            (folder / f"{name}.py").write_text(python_of(page), encoding="utf-8")
    return folder


def test_the_python_of_all_pages_passes_mypy_strict(sources):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--ignore-missing-imports", "."],
        cwd=sources, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_python_of_all_pages_passes_pyright(sources):
    pytest.importorskip("pyright")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "."],
        cwd=sources, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_every_page_is_in_the_index_of_the_site():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        name = str(page.relative_to(ROOT / "docs").with_suffix("")).replace(os.sep, "/")
        assert name in ("index", "api") or re.search(rf"^{re.escape(name)}$", index, re.MULTILINE), name


def test_every_link_of_readme_leads_to_a_file():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []
