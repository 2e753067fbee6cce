"""The package is a river in rows: a module imports only from rows above its own, never sideways, never back."""

import ast
from pathlib import Path

import pytest

import lossland

ROWS = [
    {"core", "registry", "numerics", "stable", "roughness", "soundness", "storage", "krylov", "memory", "comparisons"},
    {"activations", "losses", "data", "kinks", "quintics", "batches", "processes", "directions", "expansions"}
    | {"arrangements"},
    {"combinators", "models", "pairing", "generators", "files"},
    {"datasets", "testing", "curves", "behaviour", "grids", "training"},
    {"objectives", "minima", "links", "recording", "piecewise"},
    {"fitting", "shapes", "normal", "terms", "grams", "buckets", "basins", "mixed", "local_slopes", "refusals"}
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
    {"experiment", "estimator", "field_figures", "path_figures", "topology_figures", "vtk_files"},
    {"sweep_command", "landscape_command", "solve_command"},
    {"__main__", "__init__"},
]
ROW = {module: number for number, row in enumerate(ROWS) for module in row}
PACKAGE = Path(lossland.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))
HEAVY = {"sklearn", "xarray", "rich", "tyro", "pandas", "scipy", "plotly", "gudhi", "h5netcdf", "matplotlib"}
FIGURES = {module for module in MODULES if module.endswith("figures")}
AT_THE_TOP = {module: {"matplotlib"} for module in FIGURES} | {
    "__main__": {"tyro"},
    "sweep_command": {"tyro"},
    "landscape_command": {"tyro"},
    "solve_command": {"tyro"},
    "estimator": {"sklearn"},
}


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
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    for name, at_top in _imports(tree):
        other = _ours(name)
        # A registry filled on demand (`load` imports the generators when called) is not an import of the module.
        if other and other != module and at_top:
            assert ROW[other] < ROW[module], f"{module} imports {other}, which is not above it"


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_are_imported_where_they_are_used(module):
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    for name, at_top in _imports(tree):
        package = name.split(".")[0]
        allowed = AT_THE_TOP.get(module, set())
        assert not (at_top and package in HEAVY - allowed), f"{module} imports {package} at its top"


def test_only_figures_draw():
    for module in MODULES:
        names = {name.split(".")[0] for name, _ in _imports(ast.parse((PACKAGE / f"{module}.py").read_text()))}
        assert module in FIGURES or "matplotlib" not in names


def test_rows_name_existing_modules():
    assert set(ROW) - set(MODULES) == set()
