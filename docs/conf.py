"""The documentation site: `make docs` builds it, offline and with warnings as errors."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "tagcast"
author = "the tagcast authors"
project_copyright = author
version = release = version_of("tagcast")
language = "en"

extensions = [
    "command_help",
    "generated_reference",
    "offline",
    "top_documents",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_design",
]
exclude_patterns = ["_build"]

# Markdown. Notebooks are shown as they are; tests run them.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # would come from another server

# Python
autodoc_typehints = "none"  # docstrings name the types
numpydoc_show_class_members = False
toc_object_entries = False  # each has a heading of its own

# HTML
html_theme = "pydata_sphinx_theme"
html_title = "tagcast"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_prev_next": True,
    "navigation_depth": 3,
    "show_toc_level": 2,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": []}
