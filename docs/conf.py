"""How sphinx builds the site: `make docs`.

Pages are Markdown. Their ```python blocks are run by tests/test_docs.py, which holds each print against the text below
it; the build does not run them again. Pages whose blocks draw (`{code-cell}`) are run by the build, which shows the
figures, and by the test. What can be computed is written by `pages.py` before sphinx looks for its sources.
"""

import logging
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pages

import lossland

pages.write()

project, author, copyright = "lossland", "the lossland developers", "the lossland developers"
version = release = lossland.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
extensions += ["myst_nb", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "_made", "jupyter_execute", "gallery/*.py", "gallery/*.ipynb", "gallery/*.json"]

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"lossland {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}

# ------------------------------------------------------------------------------------------------------------- Markdown
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_merge_streams = True

# ------------------------------------------------------------------------------------------------------------------ API
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Source"]
default_role = "code"
python_maximum_signature_line_length = 240
autodoc_preserve_defaults = True

# -------------------------------------------------------------------------------------------------------------- gallery
sphinx_gallery_conf = {
    "examples_dirs": ["_made/gallery"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"/experiment_",
    # Results are kept by their content, so that a second build only draws; a script alone does not say what is stale.
    "run_stale_examples": True,
    "image_scrapers": (pages.drawn,),
    "reset_modules": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
}
suppress_warnings = ["config.cache"]


def quiet(app):
    """One of furo's packages turns every logger on."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("fontTools").setLevel(logging.ERROR)


def inline(app, env, names):
    """Pages show the figures of their cells; the gallery, which comes first, draws into files."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"


def setup(app):
    """Docstrings are plain text with `code` and formulas: what reStructuredText would take for markup is escaped."""
    app.connect("builder-inited", quiet, priority=1)
    app.connect("env-before-read-docs", inline)
    app.add_html_math_renderer("mathml", (pages.visit_formula, None), (pages.visit_formula, None))
    app.connect("autodoc-process-docstring", pages.plain_text, priority=100)
    app.connect("autodoc-process-docstring", pages.returned_by, priority=900)
    app.connect("autodoc-skip-member", pages.skip_fields)
