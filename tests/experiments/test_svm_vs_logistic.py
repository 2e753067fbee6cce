"""SVM against logistic regression: the statistics by slow formulas, the nested errors by a plain scikit-learn loop."""

import numpy as np
import pytest
from scipy import optimize, stats

import lossland as ll
from lossland.experiment import find_experiment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("svm_vs_logistic")]
EXPERIMENT = find_experiment("svm_vs_logistic")
CONFIG = EXPERIMENT.Config(
    datasets=("iris:versicolor/virginica", "two_gaussians(n=120, d=3, distance=2.0)"),
    repeats=2, outer=4, inner=3, Cs=(0.05, 0.5, 5.0), draws=2000,
)  # fmt: skip
DRAW = True


# ---------------------------------------------------------------------------------------------- nested cross-validation


def sklearn_model(model, C):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    last = SVC(C=C, kernel="linear", tol=1e-7)
    if model == "logistic":
        last = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10)
    return make_pipeline(StandardScaler(), last)


def own_loss(model, margins):
    return np.maximum(0, 1 - margins).mean() if model == "svm" else np.log1p(np.exp(-margins)).mean()


def plain_errors(data, repeat):
    """Errors of each fold and model, written as anyone would."""
    errors = []
    outer = EXPERIMENT.fold_of(data.labels, CONFIG.outer, CONFIG.seed + repeat)
    for k in range(CONFIG.outer):
        x, t = data.inputs[outer != k], data.labels[outer != k]
        inner = EXPERIMENT.fold_of(t, CONFIG.inner, CONFIG.seed + 1000 * (repeat + 1) + k)
        row = []
        for model in EXPERIMENT.MODELS:
            ranks = []
            for C in CONFIG.Cs:
                held = np.empty(len(t))
                for j in range(CONFIG.inner):
                    fitted = sklearn_model(model, C).fit(x[inner != j], t[inner != j])
                    held[inner == j] = fitted.decision_function(x[inner == j])
                ranks.append(((np.where(held > 0, 1, -1) != t).sum(), own_loss(model, t * held), C))
            best = sklearn_model(model, min(ranks)[2]).fit(x, t)
            row.append(np.mean(best.predict(data.inputs[outer == k]) != data.labels[outer == k]))
        errors.append(row)
    return np.array(errors)


@pytest.mark.parametrize("repeat", [0, 1])
def test_nested_errors_are_those_of_a_plain_loop(results, repeat):
    data = ll.load(CONFIG.datasets[0])
    np.testing.assert_allclose(results.error[0, repeat], plain_errors(data, repeat), atol=1e-12)


def test_folds_are_stratified_and_cover_everything():
    labels = np.where(np.arange(100) < 30, 1.0, -1.0)
    fold = EXPERIMENT.fold_of(labels, 5, seed=3)
    np.testing.assert_array_equal(np.bincount(fold), 20)
    np.testing.assert_array_equal(np.bincount(fold[:30]), 6)


@pytest.mark.parametrize("surrogate", ["hinge", "logistic"])
def test_padding_does_not_change_the_optimum(surrogate, x64):
    data, rows = ll.load(CONFIG.datasets[0]), np.arange(0, 100, 2)
    weights, scores, duals = EXPERIMENT.fit_all(data, rows, surrogate, CONFIG.Cs)
    part = ll.standardise(ll.Dataset(inputs=data.inputs[rows], labels=data.labels[rows]))
    sol = ll.solve(surrogate, part, C=np.array(CONFIG.Cs))
    np.testing.assert_allclose(weights, sol.weights, atol=1e-7)
    np.testing.assert_allclose(scores[:, rows], sol.weights @ part.inputs.T + sol.bias[:, None], atol=1e-6)
    np.testing.assert_allclose(duals[:, rows], sol.duals, atol=1e-6)
    exact = EXPERIMENT._by_kernel(part, np.ones(part.n), surrogate, CONFIG.Cs[1])
    np.testing.assert_allclose(exact[0], sol.weights[1], atol=1e-7)


# ----------------------------------------------------------------------------------------------------- the statistics


def test_corrected_t_is_the_formula_of_nadeau_and_bengio(rng):
    d, folds = rng.normal(0.01, 0.03, 50), 5
    variance = np.sum((d - d.mean()) ** 2) / (len(d) - 1)
    t = d.mean() / np.sqrt((1 / len(d) + 1 / (folds - 1)) * variance)
    p = 2 * (1 - stats.t.cdf(abs(t), len(d) - 1))
    np.testing.assert_allclose(EXPERIMENT.corrected_t(d, 1 / (folds - 1)), (t, p), rtol=1e-12)
    assert EXPERIMENT.corrected_t(np.zeros(10), 0.25) == (0.0, 1.0)


def test_the_posterior_is_the_integral_of_corani_and_benavoli(rng):
    d, rho, rope = rng.normal(0.01, 0.03, 50), 0.2, 0.01
    found = EXPERIMENT.correlated_posterior(d, rho / (1 - rho), rope)
    scale = np.sqrt((1 / len(d) + rho / (1 - rho)) * d.var(ddof=1))
    grid = np.linspace(d.mean() - 60 * scale, d.mean() + 60 * scale, 400_001)
    density = stats.t.pdf((grid - d.mean()) / scale, len(d) - 1) / scale
    step = grid[1] - grid[0]
    for part, where in zip(found[:3], (grid < -rope, abs(grid) <= rope, grid > rope), strict=True):
        assert part == pytest.approx(density[where].sum() * step, abs=1e-3)
    inside = density[(grid > found.low) & (grid < found.high)].sum() * step
    assert inside == pytest.approx(0.95, abs=1e-3)
    same = EXPERIMENT.correlated_posterior(np.zeros(10), 0.25, rope)
    assert same == (0.0, 1.0, 0.0, 0.0, 0.0)


def test_the_signed_rank_posterior_is_the_double_loop():
    means, rope, draws = [0.03, -0.015, 0.002, 0.012], 0.01, 150
    weights = np.random.default_rng(7).dirichlet([0.5, 1, 1, 1, 1], size=draws)
    z, wins = [0.0, *means], [0, 0, 0]
    for w in weights:
        theta = [0.0, 0.0, 0.0]
        for i in range(5):
            for j in range(5):
                middle = (z[i] + z[j]) / 2
                theta[0 if middle < -rope else 2 if middle > rope else 1] += w[i] * w[j]
        wins[theta.index(max(theta))] += 1
    assert EXPERIMENT.signed_rank(means, rope, draws, seed=7) == tuple(win / draws for win in wins)
    assert EXPERIMENT.signed_rank(np.full(10, 0.05), rope, 2000, seed=0)[2] > 0.99
    assert EXPERIMENT.signed_rank(np.full(10, 0.001), rope, 2000, seed=0)[1] == 1.0


def test_holm_by_hand():
    np.testing.assert_allclose(EXPERIMENT.holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])


def test_platt_finds_the_least_cross_entropy(rng):
    scores = rng.normal(size=60)
    labels = np.where(rng.random(60) < 1 / (1 + np.exp(-3 * scores)), 1.0, -1.0)
    up, down = (labels > 0).sum(), (labels < 0).sum()
    target = np.where(labels > 0, (up + 1) / (up + 2), 1 / (down + 2))

    def entropy(ab):
        m = ab[0] * scores + ab[1]
        return np.sum(np.logaddexp(0, m) - target * m)

    a, b = optimize.minimize(entropy, [1.0, 0.0], tol=1e-12, method="Nelder-Mead").x
    np.testing.assert_allclose(
        EXPERIMENT.platt(scores, labels, np.array([-1.0, 2.0])),
        1 / (1 + np.exp(-(a * np.array([-1, 2]) + b))),
        atol=1e-5,
    )


def test_the_calibration_error_is_a_sum_over_bins(results):
    bins = results.bins.isel(dataset=1, repeat=0).sum("fold")
    found, n = EXPERIMENT.calibration_error(bins).values, int(results.n[1])
    for k in range(results.sizes["scaling"]):
        total = 0.0
        for b in range(results.sizes["bin"]):
            count, stated, positive = (float(bins[s, k, b]) for s in range(3))
            total += count / n * abs(positive / count - stated / count) if count else 0.0
        assert found[k] == pytest.approx(total, abs=1e-12)
    np.testing.assert_array_equal(bins.sel(sum="count").sum("bin"), n)


# ------------------------------------------------------------------------------------------------------------- the rest


def test_some_examples_support_the_svm_and_all_support_logistic_regression(outcome, results):
    (found,) = [v for v in outcome.verdicts if v.claim.startswith("S7")]
    assert found.holds, found
    assert (results.error >= 0).all()


def test_the_report_prints_what_was_measured(results):
    (errors, _), _ = EXPERIMENT.report(results)
    assert errors.rows[0][2] == f"{100 * results.error[0, :, :, 0].values.mean():.2f}"
    assert len(errors.rows) == 2


def test_figures_have_labels_and_draw_what_was_saved(drawn, results):
    assert set(drawn) == {"errors", "calibration"}
    for figure in drawn.values():
        assert figure.axes[0].get_ylabel()
        assert all(axes.get_xlabel() for axes in figure.axes)
    shown = drawn["errors"].axes[0].lines[0].get_xdata()
    np.testing.assert_allclose(shown, 100 * results.error.sel(model="svm").mean(("repeat", "fold")))
