"""Settings of the site; figures and the pages of commands are made from the code before it is built."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import made_pages  # noqa: E402 - it lies beside this file

import crowdeval  # noqa: E402

project = "crowdeval"
author = "The crowdeval authors"
copyright = "The crowdeval authors, Apache-2.0"
release = version = crowdeval.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_made/README.md"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]

smartquotes = False  # options begin with two hyphens

html_theme = "furo"
html_title = "crowdeval"
html_static_path = ["_static"]
html_css_files = ["crowdeval.css"]
html_theme_options = {"navigation_with_keys": True}
html_show_sphinx = False

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have the types with shapes and units
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
copybutton_prompt_text = "$ "
nitpicky = False


def setup(app):
    """Make the pages and pictures that are made from the code."""
    made_pages.make_all(HERE)
    for part in ("description", "options", "epilog"):
        app.connect(f"sphinx-click-process-{part}", escape_stars)


def escape_stars(app, context, lines):
    """Keep the stars of help texts, which would begin emphasis, and NAME@8px, which would become an address."""
    lines[:] = [line.replace("*", "\\*").replace("@", "\\@") for line in lines]
