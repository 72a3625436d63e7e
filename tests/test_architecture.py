"""The layer order, written down once as data, and held against the imports of every module."""

import ast
import importlib
import types
from pathlib import Path

import baselines.p2pnet
import crowdeval

PACKAGE = Path(crowdeval.__file__).parent

LAYERS = [
    "version",
    "citations",
    "problems",
    "errors",
    "options",
    "plugins",
    "writing",
    "points.labels",
    "points.tensors",
    "points.ragged",
    "points.columns",
    "points.fingerprints",
    "points.sets",
    "points.lanes",
    "points.assemble",
    "points.from_frames",
    "points.from_images",
    "points.alignment",
    "points.image_bounds",
    "points.frames",
    "points",
    "matching.neighbours",
    "matching.scale",
    "matching.batching",
    "matching.sequential",
    "matching.holders",
    "matching.cardinality",
    "matching.official_order",
    "matching.curves",
    "matching.frames",
    "matching",
    "metrics.strings",
    "metrics.sums",
    "metrics.evidence",
    "metrics.concatenation",
    "metrics.family",
    "metrics.ranking",
    "metrics.groups",
    "metrics.nap",
    "metrics.counting",
    "metrics.localization",
    "metrics.pixel_ap",
    "metrics.mle",
    "metrics.grid",
    "metrics",
    "evaluation.protocol",
    "evaluation.classes",
    "evaluation.copies",
    "evaluation.preparation",
    "evaluation.notices",
    "evaluation.sides",
    "evaluation.certainty",
    "evaluation.report",
    "evaluation.parts",
    "evaluation.gathering",
    "evaluation.evaluate",
    "evaluation.plain_arrays",
    "evaluation",
    "statistics.contract",
    "statistics.ratios",
    "statistics.curves",
    "statistics.exact",
    "statistics.quantities",
    "statistics.averaged",
    "statistics.influence",
    "statistics.resampling",
    "statistics.intervals",
    "statistics.certainty",
    "statistics.comparison",
    "statistics.where",
    "statistics.systems",
    "statistics.claims",
    "statistics",
    "diagnosis.causes",
    "diagnosis.costs",
    "diagnosis",
    "formats",
    "datasets",
    "adapters",
    "runs.ahead",
    "runs.images",
    "runs.folder",
    "runs.own_signals",
    "runs.watchdog",
    "runs.guards",
    "runs.run",
    "runs.scoring",
    "runs.predict",
    "runs.suite",
    "runs",
    "leaderboards.results",
    "leaderboards.report_files",
    "leaderboards.published",
    "leaderboards.rankings",
    "leaderboards.verdicts",
    "leaderboards.build",
    "leaderboards.gather",
    "leaderboards",
    "render",
    "sources",
    "api",
    "comparing",
    "cli",
    "__main__",
]
"""The rooms and, where it matters, the order inside one; a module imports only from above itself or its own layer."""

LONGEST_FILE, LONGEST_FUNCTION, MOST_POSITIONAL = 300, 40, 5
"""Lines without docstrings; a reader tires beyond."""

FRAMEWORKS = {
    "pandas": {"evaluation"},
    "pyarrow": {"evaluation", "formats", "datasets"},
    "PIL": {"formats", "adapters", "runs"},
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
    "rasterio": {"formats", "adapters"},
    "av": {"formats"},
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


def test_no_import_leads_back_to_where_it_began():
    graph = {}
    names = {name for name, _ in modules()}
    for name, path in modules():
        targets = {
            target.removeprefix("crowdeval.") for target, _, _ in imports(path) if target.startswith("crowdeval.")
        }
        graph[name] = targets & names
    # Take away what imports nothing that is left, again and again: what remains is in or above a circle.
    while True:
        leaves = {name for name, targets in graph.items() if not targets & graph.keys()}
        if not leaves:
            break
        graph = {name: targets for name, targets in graph.items() if name not in leaves}
    assert graph == {}


def trees():
    for root in (PACKAGE, Path(baselines.p2pnet.__file__).parent):
        for path in sorted(root.rglob("*.py")):
            yield path, ast.parse(path.read_text())


def docstring_lines(tree):
    """Numbers of the lines that docstrings take."""
    places = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [node.body[0] for node in ast.walk(tree) if isinstance(node, places) and ast.get_docstring(node)]
    return {line for text in texts for line in range(text.lineno, text.end_lineno + 1)}


def test_no_file_and_no_function_is_too_long():
    wrong = []
    for path, tree in trees():
        texts = docstring_lines(tree)
        length = len(path.read_text().splitlines()) - len(texts)
        wrong += [f"{path}: {length} lines"] if length > LONGEST_FILE else []
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = set(range(node.lineno, node.end_lineno + 1)) - texts
                wrong += [f"{path}: {node.name}: {len(lines)} lines"] if len(lines) > LONGEST_FUNCTION else []
    assert wrong == []


def test_no_function_has_many_positional_parameters():
    wrong = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args) if arg.arg not in ("self", "cls")]
                wrong += [f"{path}: {node.name}{tuple(names)}"] if len(names) > MOST_POSITIONAL else []
    assert wrong == []


def test_no_public_name_is_a_rooms_and_each_is_itself_when_called_for_twice():
    rooms = {name.partition(".")[0] for name, _ in modules()}
    assert not rooms & set(crowdeval.__all__)
    for name in crowdeval.__all__:
        first = getattr(crowdeval, name)
        for room in sorted(rooms - {"__main__", "__init__"}):
            importlib.import_module(f"crowdeval.{room}")
        assert getattr(crowdeval, name) is first
        assert not isinstance(first, types.ModuleType)


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
    assert [path.name for path in files if path.suffix not in (".py", ".typed", ".j2", ".csv", ".md")] == []


def test_there_is_no_drawer():
    drawers = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [name for name, _ in modules() if drawers & set(name.split("."))] == []


def test_every_module_says_what_it_is():
    assert [name for name, path in modules() if not ast.get_docstring(ast.parse(path.read_text()))] == []
