"""The layer order, written down once as data, and held against the imports of every module."""

import ast
from pathlib import Path

import crowdeval

PACKAGE = Path(crowdeval.__file__).parent

LAYERS = [
    "errors",
    "arrays",
    "ranges",
    "plugins",
    "fingerprints",
    "points",
    "alignment",
    "frame",
    "neighbours",
    "scale",
    "matching",
    "curves",
    "cardinality",
    "kuhn",
    "metrics.family",
    "metrics.nap",
    "metrics.groups",
    "metrics.counting",
    "metrics.localization",
    "metrics.pixel_ap",
    "metrics.mle",
    "metrics.grid",
    "metrics",
    "plain",
    "protocol",
    "notices",
    "report",
    "evaluation",
    "formats",
    "datasets",
    "adapters",
    "pixels",
    "run_folder",
    "run_guards",
    "runs",
    "scored_runs",
    "suite",
    "results",
    "report_files",
    "published",
    "significance",
    "rankings",
    "leaderboard",
    "render",
    "cli",
    "__main__",
]
"""Top to bottom; a module imports only from above itself or from its own layer."""

FRAMEWORKS = {
    "pandas": {"report"},
    "pyarrow": {"formats", "datasets"},
    "PIL": {"datasets", "adapters", "runs"},
    "platformdirs": {"datasets"},
    "rich": {"cli"},
    "click": {"cli"},
    "jinja2": {"render"},
    "cv2": set(),
    "onnxruntime": set(),
    "torchvision": set(),
    "matplotlib": set(),
    "torch": set(),
    "sklearn": set(),
}
"""Framework to the layers that may import it."""

EAGER = {"click": {"cli"}}
"""Frameworks imported at the top of a module; all others inside the function that needs them."""


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


def layer(name):
    found = [part for part in LAYERS if name == part or name.startswith(part + ".")]
    return max(found, key=len, default=None)


def imports(path):
    """(module, at the top of the file and not only for type checking)."""
    tree = ast.parse(path.read_text())
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        top = node in tree.body
        if isinstance(node, ast.Import):
            yield from ((alias.name, top, node in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module, top, node in typing_only


def test_every_module_has_a_layer():
    assert [name for name, _ in modules() if name != "__init__" and layer(name) is None] == []


def test_a_module_imports_only_from_above_itself():
    wrong = []
    for name, path in modules():
        if name == "__init__":
            continue
        for target, _, _ in imports(path):
            if not target.startswith("crowdeval."):
                continue
            theirs = layer(target.removeprefix("crowdeval."))
            if LAYERS.index(theirs) > LAYERS.index(layer(name)):
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_frameworks_stay_in_their_leaves():
    wrong = []
    for name, path in modules():
        for target, top, typing_only in imports(path):
            framework = target.partition(".")[0]
            if framework not in FRAMEWORKS or typing_only:
                continue
            home = (layer(name) or "").partition(".")[0]
            if home not in FRAMEWORKS[framework]:
                wrong.append(f"{name} imports {framework}")
            elif top and home not in EAGER.get(framework, set()):
                wrong.append(f"{name} imports {framework} at its top")
    assert wrong == []


def test_nothing_stray_lies_among_the_modules():
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert [path.name for path in files if path.suffix not in (".py", ".typed", ".j2")] == []


def test_there_is_no_drawer():
    drawers = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [name for name, _ in modules() if drawers & set(name.split("."))] == []


def test_every_module_says_what_it_is():
    assert [name for name, path in modules() if not ast.get_docstring(ast.parse(path.read_text()))] == []
