"""The package is a river in rows: a module imports only from rows above its own, never sideways, never back."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import lossland

COMMANDS = {f"{name}_command" for name in ("sweep", "landscape", "solve", "list", "check", "card", "cards", "run")}
COMMANDS |= {"figures_command", "completion_command", "page_command"}
ROWS = [
    {
        "core",
        "registry",
        "numerics",
        "stable",
        "roughness",
        "soundness",
        "storage",
        "krylov",
        "memory",
        "comparisons",
        "usage",
    }
    | {"telling"},
    {"activations", "losses", "data", "kinks", "quintics", "batches", "processes", "directions"} | {"arrangements"},
    {"combinators", "models", "pairing", "generators", "files"},
    {"datasets", "testing", "curves", "behaviour", "grids", "training"},
    {"objectives", "minima", "links", "recording", "piecewise", "degrees"},
    {
        "fitting",
        "shapes",
        "normal",
        "terms",
        "grams",
        "buckets",
        "basins",
        "mixed",
        "local_slopes",
        "refusals",
        "expansions",
    }
    | {"tangents", "moments", "pulls", "angles", "subdifferentials"},
    {"surfaces", "tails", "recognition", "calibration", "pieces", "certificates", "interior", "newton"}
    | {"planar", "programs", "curvature", "drift", "flows"},
    {"planes", "duality", "facts", "forms", "polish", "boxes", "representers", "spectra", "crossings", "clarke"},
    {"verdicts", "problems", "separation", "interpolations", "densities", "perturbations"}
    | {"fields", "marks", "convexities", "bands", "volumes", "headings", "connections", "sharing", "topology"},
    {"carding", "solver", "running", "sweeps"},
    {"kernels", "checkpoints", "jobs", "limits", "rules"},
    {"sweeping", "resuming", "repairs"},
    {"paths", "implicit", "descents", "trainers"},
    {"tables", "figures"},
    {"card_tables", "card_figures", "sweep_tables", "plane_figures", "geometry_figures"},
    {"experiment", "estimator", "field_figures", "path_figures", "topology_figures", "vtk_files", "page"},
    COMMANDS | {"selection"},
    {"__main__", "__init__"},
]
ROW = {module: number for number, row in enumerate(ROWS) for module in row}
PACKAGE = Path(lossland.__file__).parent
# A folder is a module too, with rows of its own.
PAGE_ROWS = ["thinning", "clouds"], ["assembly"], ["__init__"]
MODULES = sorted(
    [path.stem for path in PACKAGE.glob("*.py")] + [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
)
HEAVY = {"sklearn", "xarray", "rich", "tyro", "pandas", "scipy", "plotly", "gudhi", "h5netcdf", "matplotlib"}
FIGURES = {module for module in MODULES if module.endswith("figures")}
AT_THE_TOP = {module: {"matplotlib"} for module in FIGURES} | {
    "__main__": {"tyro"},
    "estimator": {"sklearn"},
    "selection": {"sklearn"},
}
AT_THE_TOP |= {module: {"tyro"} for module in COMMANDS}


def _trees(module):
    """The program of a module, or of every file of a folder."""
    file = PACKAGE / f"{module}.py"
    return [
        ast.parse(path.read_text()) for path in ([file] if file.exists() else sorted((PACKAGE / module).glob("*.py")))
    ]


def _imports(tree):
    """(module of ours or foreign package, whether at the module's top level) for each import."""
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "lossland":
            names = [f"lossland.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            yield name, id(node) in top


def _ours(name):
    parts = name.split(".")
    return parts[1] if parts[0] == "lossland" and len(parts) > 1 and parts[1] in ROW else None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_row(module):
    assert module in ROW, f"{module}.py has no row in tests/test_layering.py and DESIGN.md"


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith("__")])
def test_a_module_imports_only_from_rows_above(module):
    for name, at_top in (found for tree in _trees(module) for found in _imports(tree)):
        other = _ours(name)
        # A registry filled on demand (`load` imports the generators when called) is not an import of the module.
        if other and other != module and at_top:
            assert ROW[other] < ROW[module], f"{module} imports {other}, which is not above it"


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_are_imported_where_they_are_used(module):
    for name, at_top in (found for tree in _trees(module) for found in _imports(tree)):
        package = name.split(".")[0]
        allowed = AT_THE_TOP.get(module, set())
        assert not (at_top and package in HEAVY - allowed), f"{module} imports {package} at its top"


def test_only_figures_draw():
    for module in MODULES:
        names = {name.split(".")[0] for tree in _trees(module) for name, _ in _imports(tree)}
        assert module in FIGURES or "matplotlib" not in names


def test_rows_name_existing_modules():
    assert set(ROW) - set(MODULES) == set()


def test_dependencies_are_declared_used_and_explained():
    root = Path(__file__).parent.parent
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    declared = {re.match(r"[\w-]+", each)[0] for each in wanted}
    renamed = {"sklearn": "scikit-learn", "lazy_loader": "lazy-loader"}
    files = [*PACKAGE.rglob("*.py"), *(root / "experiments").glob("*.py")]
    names = {name.split(".")[0] for path in files for name, _ in _imports(ast.parse(path.read_text()))}
    foreign = {renamed.get(name, name) for name in names - set(sys.stdlib_module_names) - {"lossland", "jaxlib"}}
    # xarray and pandas find their engines by name.
    assert foreign | {"h5netcdf", "pyarrow"} == declared
    design = (root / "DESIGN.md").read_text().partition("## Dependencies")[2]
    assert not [name for name in declared if name not in design]


def test_the_page_s_files_have_rows_of_their_own():
    row = {name: number for number, names in enumerate(PAGE_ROWS) for name in names}
    assert set(row) == {path.stem for path in (PACKAGE / "page").glob("*.py")}
    for name in row:
        for imported, _ in _imports(ast.parse((PACKAGE / "page" / f"{name}.py").read_text())):
            if imported.startswith("lossland.page."):
                assert row[imported.split(".")[2]] < row[name]


def test_only_the_page_and_the_interactive_figure_take_plotly():
    taking = {m for m in MODULES for tree in _trees(m) for name, _ in _imports(tree) if name.split(".")[0] == "plotly"}
    assert taking == {"page", "field_figures"}
