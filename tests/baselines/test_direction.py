"""The baseline stands on crowdeval, never the reverse, and costs nothing to those who don't use it."""

import ast
import importlib.util
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import crowdeval


def test_nothing_in_crowdeval_imports_a_baseline():
    for path in Path(crowdeval.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "baselines"], path


def test_the_adapter_is_imported_without_torch():
    code = "import sys, baselines.p2pnet.adapter; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_installed_package_registers_the_adapter():
    found = {each.name: each.value for each in entry_points(group="crowdeval.adapters")}
    if not found:
        pytest.skip("crowdeval is not installed here")
    assert found["p2pnet"] == "baselines.p2pnet.adapter:P2PNetAdapter"


def test_the_modules_of_the_baseline_import_one_way():
    spec = importlib.util.find_spec("baselines.p2pnet")
    home = Path(spec.submodule_search_locations[0])
    imports = {}
    for path in home.rglob("*.py"):
        if path.name == "__init__.py":
            continue
        name = ".".join(("baselines.p2pnet", *path.relative_to(home).with_suffix("").parts))
        nodes = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
        ]
        imports[name] = {node.module for node in nodes if node.module.startswith("baselines.p2pnet.")}
    order = list(TopologicalSorter(imports).static_order())  # raises CycleError where there is no order
    assert order.index("baselines.p2pnet.config") < order.index("baselines.p2pnet.training")
