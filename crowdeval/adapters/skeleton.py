"""The package that `crowdeval adapters new` writes: a predictor that works, its entry point, a test, a README."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from crowdeval.adapters import ADAPTERS
from crowdeval.errors import UsageError
from crowdeval.writing import write_file

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.24"]
build-backend = "hatchling.build"

[project]
name = "crowdeval-$name"
version = "0.1.0"
description = "The predictor $name for crowdeval"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["crowdeval", "numpy"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."crowdeval.adapters"]
$name = "$module:$class_name"

[tool.hatch.build.targets.wheel]
packages = ["src/$module"]
"""

SOURCE = '''\
"""The predictor $name: so far, the brightest pixel of an image."""

from __future__ import annotations

import numpy as np

__version__ = "0.1.0"


class $class_name:
    """Put your model here; every parameter is an option, ``-o least=0.5``.

    Parameters
    ----------
    least : float
        The least confidence that is kept.
    """

    name = "$name"
    revision = __version__

    def __init__(self, *, least: float = 0.0) -> None:
        self.least = least

    def open(self) -> None:
        """Load what is heavy here."""

    def close(self) -> None:
        """Let go of it."""

    def predict(self, images):
        """Return (points, scores) for every image: x and y in pixels from the top-left corner."""
        return [self._answer(image.pixels) for image in images]

    def _answer(self, pixels):
        brightness = pixels.mean(axis=2) / 255
        row, column = np.unravel_index(np.argmax(brightness), brightness.shape)
        points, scores = np.array([[column + 0.5, row + 0.5]]), np.array([brightness[row, column]])
        kept = scores >= self.least
        return points[kept], scores[kept]
'''

TEST = """\
import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.errors import UsageError


def image_with_a_light_at(column, row):
    pixels = np.zeros((30, 40, 3), dtype=np.uint8)
    pixels[row, column] = 255
    return Image(id="dark", pixels=pixels)


def test_crowdeval_finds_it_by_name_and_it_answers():
    [answer] = answers(load_adapter("$name"), [image_with_a_light_at(12, 5)])
    assert answer.xy.tolist() == [[12.5, 5.5]]
    assert answer.score.tolist() == [1.0]


def test_its_option_is_read():
    [answer] = answers(load_adapter("$name", ["least=2"]), [image_with_a_light_at(12, 5)])
    assert len(answer.xy) == 0


def test_an_option_that_it_does_not_have_is_refused():
    with pytest.raises(UsageError, match="did you mean 'least'"):
        load_adapter("$name", ["leest=1"])
"""

README = """\
# crowdeval-$name

The predictor `$name` for crowdeval.

    pip install -e '.[test]'
    pytest
    crowdeval adapters show $name
    crowdeval predict $name shanghaitech-a:test -o runs/

The class is in `src/$module/__init__.py`. crowdeval finds it by the entry point in `pyproject.toml`; `name` and
`revision` stand in every leaderboard, so change `revision` whenever the answers change. Load the model in `open()`, so
that an option that is wrong is refused at once.
"""

FILES: Mapping[str, str] = {
    "pyproject.toml": PYPROJECT,
    "README.md": README,
    "src/$module/__init__.py": SOURCE,
    "tests/test_$module.py": TEST,
}
"""Path in the package to its text, both templates."""


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write a plugin package called ``name`` into ``folder``, which must not hold anything yet.

    Returns
    -------
    list of Path
        The files, as written.

    Raises
    ------
    UsageError
        If the name can't be an adapter's, is taken by one of crowdeval's own, or the folder holds something.
    MissingFileError
        If a file can't be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(f"an adapter can't be called {name!r}; expected small letters, digits and single hyphens")
    if name in ADAPTERS.table:
        raise UsageError(f"{name!r} is one of crowdeval's own adapters, which a plugin can't replace")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; nothing is overwritten")
    words = {
        "name": name,
        "module": f"crowdeval_{name.replace('-', '_')}",
        "class_name": "".join(part.capitalize() for part in name.split("-")),
    }
    return [_written(folder / Template(path).substitute(words), Template(text), words) for path, text in FILES.items()]


def _written(file: Path, text: Template, words: Mapping[str, str]) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"the folder {file.parent} can't be made: {problem.strerror}") from None
    write_file(file, text.substitute(words).encode())
    return file
