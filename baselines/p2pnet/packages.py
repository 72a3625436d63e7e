"""Packages that only some of the baseline needs: imported when it is used; when absent, the way to get them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from crowdeval.errors import UsageError


def package(name: str, needing: str) -> Any:
    """Import a package; raise UsageError where it isn't installed: ``needing`` says what for ("videos need")."""
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(f"{needing} the package {name}: pip install {name}") from None
