"""What users of version 0.1 wrote still works, and says where its new place is."""

import importlib
import subprocess
import sys
import warnings

import pytest

import lossland as ll
from lossland.core._deprecated_names import MODULES

ON_TOP = """
    activation activations angle angle_map AngleMap animate Approach approach autodiff_selections averaged_sgd Band
    basin_map basin_shares BasinMap Bezier bezier_path Card card cards Cells cells check_activation check_loss
    check_pair clarke_stationarity ClarkeStationarity class_margins ClassMargins compare_repairs Convexity convexity
    Dataset decision_function decision_thresholds DegenerateSolution Descent descent_limit DescentLimit Difference
    differentiable_solve disagreement dual_coordinate_descent Fit fit flow_in_log_time flow_lines folds gauss_newton
    global_minimum GlobalMinimum gradient_angles gradient_direction gradient_field gradient_weights GradientAngles
    GradientField GradientWeights group_shares hessian hessian_diagonal hessian_directions hessian_plane
    hessian_trace hessian_vector_product hidden_svm HiddenSVM hinge_path HingePath implicit_bias KernelSolution
    kink_curvature kink_segments KinkCurvature KinkSegments label_loss label_smoothed likelihood_loss line_pulls
    linear linear_interpolation LinePulls load local_minimum LocalMinimum LongRun losses margin_loss merge_tree
    MergeTree MinimumSet mlp NotSeparable Objective objective Pair pair pairs path path_at pegasos Persistence
    persistence Place place planar_interpolation Plane plane plane_difference random_directions random_features
    random_line random_plane Ray ray ray_and_foot RayAndFoot read_plane read_sweep redrawn Regions regions
    relu_repairs Repair RepairResult resumed_plane scaled Selection shared_planes Shares Sharpness sharpness shifted
    smoothed smoothed_lbfgs Solution solve solve_kernel spectral_density SpectralDensity split standardise
    subgradient_descent subsampled_plane support_overlap SupportOverlap sweep Sweep Thresholds top_eigenvalues
    TopEigenvalues towards Trace Trajectory trajectory_directions trajectory_plane truncated Volume volume weighted
    write_page write_vtk ZeroDirection
""".split()
"""Every name that version 0.1 had on top."""

DOCUMENTED = {
    "activations": "identity relu softplus sigmoid tanh hard_tanh cauchit",
    "losses": "hinge perceptron zero_one logistic cross_entropy tsallis asymmetric",
    "registry": "LOSSES ACTIVATIONS DATASETS dataset find load_file margin_loss likelihood_loss label_loss activation",
    "selection": "PairClassifierCV",
    "testing": "Check ContractError check_loss check_activation check_pair loss_checks activation_checks pair_checks",
    "card_figures": "card_figure verdict_map",
    "plane_figures": "planes_figure rays_figure colour_scale inside draw_plane",
    "field_figures": "fields_figure draw_kinks draw_regions draw_points surfaces_figure interactive_figure",
    "geometry_figures": "weights_figure shares_figure angles_figure angle_map_figure basins_figure pulls_figure "
    "drift_figure gaps_figure",
    "topology_figures": "persistence_figure",
    "path_figures": "volume_figure bezier_figure animate",
    "page.thinning": "NEAR TOLERANCE thinned",
}
"""Modules of version 0.1 -> what its documentation told users to import from them."""


def _python(code, *options):
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True)


def test_version_0_1_had_these_names():
    assert len(ON_TOP) == len(set(ON_TOP)) == 162


@pytest.mark.parametrize("name", ON_TOP)
def test_a_name_that_was_on_top_is_found(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = getattr(ll, name)
    if name in ll.__all__:
        assert not caught
        return
    (told,) = caught
    assert told.category is DeprecationWarning
    assert told.filename == __file__
    place, _, rest = str(told.message).removeprefix(f"lossland.{name} is ").partition(" now;")
    module, _, given = place.rpartition(".")
    assert rest
    assert given == name
    assert found is getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("shapness", "lossland.sharpness"), ("decision_threshold", "lossland.geometry.decision_thresholds")],
)
def test_a_name_that_never_was_suggests_the_nearest(wrong, right):
    assert not hasattr(ll, wrong)
    with pytest.raises(AttributeError, match=rf"{wrong}\. Did you mean {right}\?"):
        getattr(ll, wrong)
    with pytest.raises(AttributeError, match=r"qqqqq\.$"):
        _ = ll.qqqqq
    assert not hasattr(ll, "__wrapped__")


def test_the_modules_of_the_documentation_are_found():
    assert set(DOCUMENTED) <= set(MODULES)
    code = "import importlib\n" + "".join(
        f"from lossland.{m} import {', '.join(n.split())}\n" for m, n in DOCUMENTED.items()
    )
    done = _python(code, "-W", "default")
    assert done.returncode == 0, done.stderr
    for module in DOCUMENTED:
        assert f"lossland.{module} is lossland.{MODULES[module]} now;" in done.stderr


def test_every_old_module_names_a_new_one():
    for module, new in MODULES.items():
        with pytest.warns(DeprecationWarning, match=rf"^lossland\.{module} is lossland\.{new} now"):
            moved = importlib.import_module(f"lossland.{module}")
        assert moved.__all__
        assert all(hasattr(moved, name) for name in moved.__all__)
        del sys.modules[f"lossland.{module}"]


def test_an_old_module_warns_the_user_and_a_new_one_does_not():
    old, new = "from lossland.selection import PairClassifierCV", "from lossland.estimator import PairClassifier"
    assert "DeprecationWarning: lossland.selection is lossland.estimator now" in _python(old).stderr
    refused = _python(old, "-W", "error::DeprecationWarning:__main__")
    assert refused.returncode == 1
    assert refused.stderr.rstrip().endswith("the old place goes in version 0.3.")
    assert _python(new, "-W", "error::DeprecationWarning:__main__").returncode == 0


def test_a_module_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'lossland\.no_such_module'"):
        importlib.import_module("lossland.no_such_module")


def test_importing_the_package_imports_no_jax():
    done = _python("import sys, lossland; print({'jax', 'numpy', 'matplotlib', 'sklearn'} & set(sys.modules))")
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_a_parameter_is_taken_by_its_old_name_with_a_warning():
    data = ll.load("two_points")
    with pytest.warns(DeprecationWarning, match="activation of hidden_svm is .*pair"):
        old = ll.hidden_svm(activation="relu+hinge", data=data)
    assert old.weights.tolist() == ll.hidden_svm("relu+hinge", data).weights.tolist()


def test_an_inner_module_of_before_hands_on_what_its_wing_has():
    script = (
        "import lossland as ll; from lossland.flows import BasinMap; from lossland.registry import Alias; "
        "from lossland.piecewise import Parabolas; import lossland.grams as g; g.rbf; "
        "print(ll.solver.solve is ll.solve)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    done = subprocess.run([sys.executable, "-c", "from lossland.flows import nothing"], capture_output=True, text=True)
    assert "lossland.geometry has no nothing" in done.stderr or "cannot import name 'nothing'" in done.stderr
