"""Settings of the documentation: `python -m sphinx -W -b html docs BUILD`. Nothing is fetched while it is built."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import msclr

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "msclr"
author = "the msclr authors"
version = release = msclr.__version__

# Sphinx reads what lies below this folder only, and the notebooks lie with the examples.
HERE = Path(__file__).parent
shutil.copytree(HERE.parent / "examples" / "notebooks", HERE / "notebooks", dirs_exist_ok=True)

extensions = [
    "myst_nb",  # with it come the Markdown pages too
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "_site.examples",
    "_site.gallery",
    "_site.zoo",
]
exclude_patterns = ["_site", "_static"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# Notebooks have no outputs: they are run by Jupyter each time, and an error or a warning in one is an error here.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600  # seconds for a cell
nb_merge_streams = True
nb_output_stderr = "remove-warn"

# Docstrings are written to be read in a terminal too: single backticks are code.
default_role = "code"
smartquotes_action = "D"  # dashes; quotes stay as they are typed in code
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Source"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"msclr {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b6e75", "color-brand-content": "#0b6e75"},
    "dark_css_variables": {"color-brand-primary": "#4fc3cc", "color-brand-content": "#4fc3cc"},
}
highlight_language = "none"  # a block that names no language is a command or a text
pygments_style = "friendly"
pygments_dark_style = "github-dark"

NOT_FOR_READERS = {"extra_repr", "model_config"}


def setup(app: Sphinx) -> None:
    """Leave out what pydantic and torch ask for and nobody calls."""
    app.connect("autodoc-skip-member", lambda *event: True if event[2] in NOT_FOR_READERS else None)
