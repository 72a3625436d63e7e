"""The package that ``crowdeval adapters new`` writes: a working predictor, its entry point, tests, a README."""

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
"""The predictor $name; until it holds a model, it predicts the brightest pixel of an image."""

from __future__ import annotations

import numpy as np

__version__ = "0.1.0"


class $class_name:
    """Put your model here; each parameter is an option, ``-o confidence=0.5``.

    Parameters
    ----------
    confidence : float
        The lowest confidence that is kept.
    """

    name = "$name"
    revision = __version__

    def __init__(self, *, confidence: float = 0.0) -> None:
        self.confidence = confidence

    def open(self) -> None:
        """Load the model here."""

    def close(self) -> None:
        """Release the model here."""

    def predict(self, images):
        """Return (points, scores) for each image; points are x, y in pixels from the top-left corner."""
        return [self._answer(image.pixels) for image in images]

    def _answer(self, pixels):
        brightness = pixels.mean(axis=2) / 255
        row, column = np.unravel_index(np.argmax(brightness), brightness.shape)
        points, scores = np.array([[column + 0.5, row + 0.5]]), np.array([brightness[row, column]])
        kept = scores >= self.confidence
        return points[kept], scores[kept]
'''

TEST = """\
import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.errors import UsageError


def image_with_a_bright_pixel(column, row):
    pixels = np.zeros((30, 40, 3), dtype=np.uint8)
    pixels[row, column] = 255
    return Image(id="dark", pixels=pixels)


def test_crowdeval_loads_it_by_name_and_it_predicts_the_bright_pixel():
    [answer] = answers(load_adapter("$name"), [image_with_a_bright_pixel(12, 5)])
    assert answer.xy.tolist() == [[12.5, 5.5]]
    assert answer.score.tolist() == [1.0]


def test_points_below_the_lowest_confidence_are_dropped():
    [answer] = answers(load_adapter("$name", ["confidence=2"]), [image_with_a_bright_pixel(12, 5)])
    assert len(answer.xy) == 0


def test_an_unknown_option_is_refused():
    with pytest.raises(UsageError, match="did you mean 'confidence'"):
        load_adapter("$name", ["confidense=1"])
"""

README = """\
# crowdeval-$name

The predictor `$name` for crowdeval.

    pip install -e '.[test]'
    pytest
    crowdeval adapters show $name
    crowdeval predict $name shanghaitech-a:test -o runs/

The class is in `src/$module/__init__.py`. crowdeval finds it by the entry point in `pyproject.toml`. Leaderboards show
`name` and `revision`: change `revision` whenever the answers change. Load the model in `open()`, not in `__init__`, so
that a wrong option is refused before the model is loaded.
"""

FILES: Mapping[str, str] = {
    "pyproject.toml": PYPROJECT,
    "README.md": README,
    "src/$module/__init__.py": SOURCE,
    "tests/test_$module.py": TEST,
}
"""Path of each file in the package to its text; both are templates."""


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write a plugin package with a working predictor.

    Parameters
    ----------
    name : str
        The adapter's name: small letters, digits and single hyphens.
    folder : Path
        The folder of the package; it is created, or has to be empty.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UsageError
        If the name is not valid or is that of a built-in adapter, or the folder is not empty or can't be created.
    MissingFileError
        If a file can't be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [file.name for file in write_skeleton("my-model", Path(folder))]
    ['pyproject.toml', 'README.md', '__init__.py', 'test_crowdeval_my_model.py']
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(f"the adapter name {name!r}: expected small letters, digits and single hyphens")
    if name in ADAPTERS.table:
        raise UsageError(f"{name!r} is one of crowdeval's own adapters, which a plugin can't replace; choose another")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder; nothing is overwritten, so choose another folder")
    words = {
        "name": name,
        "module": f"crowdeval_{name.replace('-', '_')}",
        "class_name": "".join(part.capitalize() for part in name.split("-")),
    }
    return [_write(folder / Template(path).substitute(words), Template(text), words) for path, text in FILES.items()]


def _write(file: Path, text: Template, words: Mapping[str, str]) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"the folder {file.parent} can't be created: {problem.strerror}") from None
    write_file(file, text.substitute(words).encode())
    return file
