"""The package is a house: wings on floors that take what lower floors' faces give, and tests that stand in its rooms.

Nothing is listed here: floors come from `lossland/core/_floors.py`, what a wing gives from its face, `__init__.pyi`.
"""

import ast
import functools
import graphlib
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lossland.core import FLOORS, GROUND, PACKAGE, face_of

ROOT = Path(__file__).parent.parent
FLOOR = {wing: number for number, floor in enumerate(FLOORS) for wing in floor}
WINGS = tuple(FLOOR)
ON_TOP = {
    alias.name: (node.module or "").lstrip(".")
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text()).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
"""Name on top -> wing that it comes from; empty for the wings themselves."""
HEAVY = {"sklearn", "xarray", "rich", "tyro", "pandas", "scipy", "plotly", "gudhi", "h5netcdf", "matplotlib"}
AT_THE_TOP = {"figures": {"matplotlib"}, "estimator": {"sklearn"}, "commands": {"tyro"}, "__main__": {"tyro"}}
"""Heavy packages that a wing or module imports as it starts, because nothing in it does without."""


class Import(NamedTuple):
    """What is imported, `lossland.solvers.solve` say, and whether as the module starts rather than when a call runs."""

    dotted: str
    at_top: bool

    @property
    def package(self) -> str:
        return self.dotted.split(".")[0]

    @property
    def wing(self) -> str | None:
        """The wing it belongs to, if it is of lossland's wings."""
        parts = self.dotted.split(".")
        return parts[1] if parts[0] == "lossland" and len(parts) > 1 and parts[1] in WINGS else None

    @property
    def thing(self) -> str | None:
        """The file or name that is taken from the wing; None if it is the wing itself."""
        return ".".join(self.dotted.split(".")[2:3]) or None


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imports(path: Path) -> tuple[Import, ...]:
    at_top = set(map(id, tree(path).body))
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, id(node) in at_top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by dots"
            found += [Import(f"{node.module}.{alias.name}", id(node) in at_top) for alias in node.names]
    return tuple(found)


def files(wing: str) -> list[Path]:
    return sorted((PACKAGE / wing).rglob("*.py"))


def stems(wing: str) -> set[str]:
    """The names of a wing's files as tests bear them."""
    return {path.stem.removeprefix("_") for path in files(wing) if path.stem != "__init__"}


def given(wing: str) -> set[str]:
    """What others may import from a wing: the names of its face and its public files."""
    face = face_of(wing)
    return set(face.users) | set(face.wings) | {path.stem for path in files(wing) if not path.stem.startswith("_")}


def users_of_the_package() -> list[Path]:
    folders = ("experiments", "benchmarks", "docs", "paper", "tests")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def attributes(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every `module.name` in a file, where `module` is of lossland, imported under any name."""
    local = {"ll": "lossland", "lossland": "lossland"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lossland":
            local |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            local |= {each.asname: each.name for each in node.names if each.asname and each.name.startswith("lossland")}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in local:
                yield local[node.value.id], node.attr
            elif isinstance(node.value, ast.Attribute) and isinstance(node.value.value, ast.Name):
                if local.get(node.value.value.id) == "lossland":
                    yield f"lossland.{node.value.attr}", node.attr


def arrows() -> set[tuple[str, str]]:
    """(wing, wing that it imports from)."""
    found = {(wing, each.wing) for wing in WINGS for path in files(wing) for each in imports(path)}
    return {(wing, other) for wing, other in found if other is not None and other != wing}


# ------------------------------------------------------------------------------------------------------------ the plan


def test_every_folder_is_a_wing_on_one_floor():
    folders = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert sorted(folders) == sorted(wing for floor in FLOORS for wing in floor)
    assert set(GROUND) <= set(WINGS)


def test_the_house_is_small_enough_to_know():
    assert 14 <= len(WINGS) <= 18
    assert len(list(PACKAGE.glob("*.py"))) <= 3
    assert 60 <= len(ON_TOP) <= 80
    counted = {(wing, other) for wing, other in arrows() if other not in GROUND}
    assert len(counted) <= 45, sorted(counted)


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_only_from_lower_floors(wing):
    for path in files(wing):
        for each in imports(path):
            if each.package == "lossland" and each.wing != wing:
                assert each.wing is not None, f"{path.name} imports {each.dotted}, which is of no wing"
                assert FLOOR[each.wing] < FLOOR[wing], f"{path.name} imports {each.dotted}, which is not below {wing}"


def test_nothing_goes_in_a_circle():
    graph = {wing: {other for one, other in arrows() if one == wing} for wing in WINGS}
    assert set(graphlib.TopologicalSorter(graph).static_order()) == set(WINGS)


@pytest.mark.parametrize("wing", WINGS)
def test_the_files_of_a_wing_start_in_no_circle(wing):
    names = {path.stem for path in files(wing)}
    graph = {
        path.stem: {each.thing for each in imports(path) if each.at_top and each.wing == wing and each.thing in names}
        for path in files(wing)
        if path.stem != "__init__"
    }
    list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_says_what_it_is(wing):
    lines = (ast.get_docstring(tree(PACKAGE / wing / "__init__.py")) or "").splitlines()
    assert len(lines) >= 3
    assert re.fullmatch(r"[^.?!]+(?:[.?!](?! )[^.?!]+)*[.?!]", lines[0]), f"{lines[0]} is not one sentence"


def test_no_wing_bears_the_name_of_a_function_on_top():
    assert [name for name, wing in ON_TOP.items() if wing and name in WINGS] == []


# ----------------------------------------------------------------------------------------------------------- the faces


@pytest.mark.parametrize("wing", WINGS)
def test_between_wings_only_faces(wing):
    others = [path for other in WINGS if other != wing for path in files(other)]
    others += [*PACKAGE.glob("*.py"), *(path for path in users_of_the_package() if ROOT / "tests" not in path.parents)]
    for path in others:
        for each in imports(path):
            if each.wing == wing and each.thing is not None:
                assert each.thing in given(wing), f"{path.relative_to(ROOT)} imports {each.dotted}"


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_does_not_come_in_by_its_own_face(wing):
    names = {path.stem for path in files(wing)}
    inside = [each for path in files(wing) for each in imports(path) if each.wing == wing]
    assert [each.dotted for each in inside if each.thing not in names] == []


@pytest.mark.parametrize("wing", WINGS)
def test_what_a_face_gives_exists_once(wing):
    face = face_of(wing)
    assert set(face.users) & set(face.wings) == set()
    held = importlib.import_module(f"lossland.{wing}")
    for name, file in {**face.users, **face.wings}.items():
        assert (PACKAGE / wing / f"{file}.py").exists(), f"{wing} gives {name} from {file}.py, which is not there"
        assert hasattr(held, name), f"{wing} gives {name}, which {file}.py does not have"


def test_names_on_top_are_those_of_faces():
    for name, wing in ON_TOP.items():
        assert name in (face_of(wing).users if wing else WINGS), f"lossland.{name} is in no face"


@functools.cache
def taken() -> frozenset[tuple[str, str]]:
    """(wing, name) of all that is taken by another wing, by experiments, benchmarks, docs, the paper or tests."""
    found = set()
    for path in [*PACKAGE.rglob("*.py"), *users_of_the_package()]:
        own = path.relative_to(PACKAGE).parts[0] if PACKAGE in path.parents else ""
        found |= {(each.wing, each.thing) for each in imports(path) if each.wing != own}
        found |= {(module.rpartition(".")[2], name) for module, name in attributes(path)}
    for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        for wing, names in re.findall(r"^from lossland\.(\w+) import ([\w, ]+)", path.read_text(), re.MULTILINE):
            found |= {(wing, name.strip()) for name in names.split(",")}
        found |= set(re.findall(r"\b(?:ll|lossland)\.(\w+)\.(\w+)", path.read_text()))
    return frozenset(found)


@pytest.mark.parametrize("wing", WINGS)
def test_what_a_face_gives_to_other_wings_is_taken(wing):
    assert [name for name in face_of(wing).wings if (wing, name) not in taken()] == []


# ----------------------------------------------------------------------------------------------------------- the rooms


@pytest.mark.parametrize("folder", sorted(path.name for path in (ROOT / "tests").iterdir() if path.is_dir()))
def test_tests_stand_in_the_rooms_of_what_they_test(folder):
    if folder == "__pycache__":
        return
    assert folder in (*WINGS, "experiments")
    rooms = stems(folder) if folder in WINGS else {path.stem for path in (ROOT / "experiments").glob("*.py")}
    for path in (ROOT / "tests" / folder).glob("test_*.py"):
        name = path.stem.removeprefix("test_")
        assert any(name == room or name.startswith(f"{room}_") for room in rooms), f"{path.name} tests no file"


def reached_into(path: Path) -> set[str]:
    """The private files of lossland that a file imports, or whose private names it uses, as `wing._file`."""
    found = {f"{each.wing}.{each.thing}" for each in imports(path) if each.wing and (each.thing or "").startswith("_")}
    modules = {f"lossland.{wing}.{file.stem}" for wing in WINGS for file in files(wing)} | {"lossland.__main__"}
    uses = {module for module, name in attributes(path) if name.startswith("_") and module in modules}
    return found | {module.removeprefix("lossland.") for module in uses}


@pytest.mark.parametrize(
    "path",
    [p for p in users_of_the_package() if p.relative_to(ROOT).parts[0] in ("tests", "benchmarks")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_test_reaches_into_the_file_that_it_tests_and_what_that_stands_on_alone(path):
    name, wing = path.stem.removeprefix("test_"), path.parent.name
    own = [file for file in stems(wing) if name == file or name.startswith(f"{file}_")]
    allowed = {f"{wing}.{start}{file}" for file in own for start in ("_", "")}
    for _ in files(wing) if wing in WINGS else ():
        allowed |= {
            f"{wing}.{each.thing}"
            for file in files(wing)
            if f"{wing}.{file.stem}" in allowed
            for each in imports(file)
            if each.wing == wing and (each.thing or "").startswith("_")
        }
    assert reached_into(path) <= allowed, f"{path.relative_to(ROOT)} reaches into {reached_into(path) - allowed}"


# ------------------------------------------------------------------------------------------------- what comes from afar


@pytest.mark.parametrize("wing", [*WINGS, "__init__", "__main__"])
def test_heavy_packages_are_imported_where_they_are_used(wing):
    for path in files(wing) if wing in WINGS else [PACKAGE / f"{wing}.py"]:
        heavy = {each.package for each in imports(path) if each.at_top} & HEAVY
        assert heavy <= AT_THE_TOP.get(wing, set()), f"{path.relative_to(ROOT)} imports {heavy} as it starts"


def takers(package: str) -> set[Path]:
    return {path for path in PACKAGE.rglob("*.py") if any(each.package == package for each in imports(path))}


def test_only_figures_draw():
    assert {path.parent.name for path in takers("matplotlib")} == {"figures"}


def test_only_the_page_and_the_interactive_figure_take_plotly():
    interactive = PACKAGE / "figures" / f"{face_of('figures').users['interactive_figure']}.py"
    assert {path for path in takers("plotly") if path.parent.name != "page"} == {interactive}


def test_dependencies_are_declared_used_and_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    declared = {re.match(r"[\w-]+", each)[0] for each in [*project["dependencies"], *extras]}
    renamed = {"sklearn": "scikit-learn", "lazy_loader": "lazy-loader", "flint": "python-flint"}
    paths = [*PACKAGE.rglob("*.py"), *(ROOT / "experiments").glob("*.py")]
    names = {each.package for path in paths for each in imports(path)}
    foreign = {renamed.get(name, name) for name in names - set(sys.stdlib_module_names) - {"lossland", "jaxlib"}}
    # xarray and pandas find their engines by name, an experiment its peer.
    assert foreign | {"h5netcdf", "pyarrow", "clarabel"} == declared
    design = (ROOT / "DESIGN.md").read_text().partition("## Dependencies")[2]
    assert not [name for name in declared if name not in design]
