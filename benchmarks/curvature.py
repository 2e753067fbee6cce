"""Top-10 eigenvalues and the density of a Hessian against scipy's eigsh and a dense eigvalsh over JAX's own products.

    python benchmarks/curvature.py [--rounds 15] [--out benchmarks/results]

The peer of `top_eigenvalues` is `scipy.sparse.linalg.eigsh` on a LinearOperator of a compiled `jvp(grad(f))`; that of
`spectral_density` is `numpy.linalg.eigvalsh` of a compiled `jax.hessian`. Everything is warm and float64; calls of both
alternate, the ratio is the median of the pairs' ratios. Where other programs share the cores, run it with
OPENBLAS_NUM_THREADS=1: waiting threads cost more than they bring.

matfree's Lanczos (`LANCZOS_STEPS` steps, chosen by hand so that it is as exact as ours) and its stochastic Lanczos
quadrature (10 starts of 80 steps, without the smoothing) are a second peer, each one compiled program.

PyHessian and torch are not installed by `make bench` (pip install torch pyhessian); where they are, PyHessian's top-10
values and density of the same model, data and parameters are timed too, in float64, a few times only. Its density calls
`torch.eig`, which torch no longer has: it is given one that calls `torch.linalg.eig`.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matfree import decomp
from scipy.sparse.linalg import LinearOperator, eigsh

import lossland as ll
from lossland.core import replacing, show, table, versions

K = 10
LANCZOS_STEPS = 100


def problems():
    """(name, objective, params at the start) of each."""
    real = ll.standardise(ll.load("breast_cancer"))
    large = ll.standardise(ll.load("two_gaussians(n=10000, d=100, seed=0)"))
    for name, data, model in (
        ("linear, 569 x 30", real, ll.linear()),
        ("linear, 10000 x 100", large, ll.linear()),
        ("mlp(16), 569 x 30", real, ll.mlp(16, hidden="tanh")),
        ("mlp(64), 569 x 30", real, ll.mlp(64, hidden="tanh")),
    ):
        yield (
            name,
            ll.objective(ll.pair("identity", "logistic"), model, data, l2=1e-3),
            model.init(jax.random.key(0), data.d),
        )


def peers(f, params):
    """Two functions without arguments: eigsh's top values, and all values from the dense matrix."""
    flat, unravel = ravel_pytree(params)

    def along(at, v):
        return jax.jvp(jax.grad(lambda x: f(unravel(x))), (at,), (v,))[1]

    times = jax.jit(along)
    operator = LinearOperator((flat.size,) * 2, matvec=lambda v: np.asarray(times(flat, v.ravel())), dtype=flat.dtype)
    start = np.random.default_rng(0).normal(size=flat.size)
    matrix = jax.jit(jax.hessian(lambda x: f(unravel(x))))

    def top():
        return np.sort(eigsh(operator, K, which="LA", v0=start, return_eigenvectors=True)[0])[::-1]

    return top, lambda: np.linalg.eigvalsh(np.asarray(matrix(flat)))


def matfree_peers(f, params):
    """Matfree's top values, and its nodes and weights, as functions without arguments."""
    flat, unravel = ravel_pytree(params)
    slope = jax.grad(lambda x: f(unravel(x)))

    def decomposed(start, steps):
        steps = min(steps, flat.size)
        found = decomp.tridiag_sym(steps, reortho="full")(lambda v: jax.jvp(slope, (flat,), (v,))[1], start)
        return jnp.linalg.eigh(found.J_small), found.Q_tall

    @jax.jit
    def top(key):
        (values, vectors), rows = decomposed(jax.random.normal(key, flat.shape, flat.dtype), LANCZOS_STEPS)
        return values[::-1][:K], vectors[:, ::-1][:, :K].T @ rows

    @jax.jit
    def density(key):
        def one(start):
            (values, vectors), _ = decomposed(start, 80)
            return values, vectors[0] ** 2

        return jax.lax.map(one, jax.random.rademacher(key, (10, flat.size), flat.dtype))

    key = jax.random.key(0)
    return lambda: top(key), lambda: density(key)


def pyhessian(f, params):
    """PyHessian's top values and its density, as functions without arguments; None where it is not installed."""
    try:
        import pyhessian
        import torch
    except ImportError:
        return None
    torch.eig = lambda matrix, eigenvectors: _parts(torch.linalg.eig(matrix))
    inputs, labels = (torch.tensor(np.asarray(x), dtype=torch.float64) for x in (f.inputs, f.labels))
    layers = [params] if "weights" in params else params
    model = torch.nn.Sequential()
    for number, layer in enumerate(layers):
        weights = np.asarray(layer["weights"]).reshape(-1, np.shape(layer["bias"])[0] if np.ndim(layer["bias"]) else 1)
        linear = torch.nn.Linear(*weights.shape).double()
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weights.T))
            linear.bias.copy_(torch.tensor(np.atleast_1d(np.asarray(layer["bias"]))))
        model.extend([torch.nn.Tanh(), linear] if number else [linear])

    def loss(scores, of):
        weights = sum((p**2).sum() for name, p in model.named_parameters() if name.endswith("weight"))
        return torch.nn.functional.softplus(-of * scores[:, 0]).mean() + 0.5 * float(f.l2) * weights

    def made():
        return pyhessian.hessian(model, loss, data=(inputs, labels), cuda=False)

    def top():
        return np.array(made().eigenvalues(top_n=K)[0])

    return top, lambda: made().density()


def _parts(found):
    """What `torch.eig` returned: real and imaginary parts side by side, and the vectors."""
    import torch

    return torch.view_as_real(found[0]), found[1].real


def seconds(function):
    start = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - start


def paired(ours, theirs, rounds):
    """Median seconds of both, and the median of theirs / ours over calls made one after the other."""
    both = np.array([(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)][1:])
    own, other = np.median(both, axis=0)
    ratios = both[:, 1] / both[:, 0]
    low, high = np.quantile(ratios, [0.1, 0.9])
    return {"ours": own, "theirs": other, "ratio": float(np.median(ratios)), "ratio_10_90": [low, high]}


def measured(f, params, rounds):
    top, dense = peers(f, params)
    found, exact = ll.top_eigenvalues(f, params, K), dense()
    error = float(np.abs(np.asarray(found.values) - exact[::-1][:K]).max())
    theirs = float(np.abs(top() - exact[::-1][:K]).max())
    rows = {"top-10": paired(lambda: ll.top_eigenvalues(f, params, K), top, rounds)}
    rows["top-10"] |= {"error": error, "their_error": theirs, "converged": bool(found.converged.all())}
    rows["density"] = paired(lambda: ll.spectral_density(f, params), dense, rounds)
    calls = (lambda: ll.top_eigenvalues(f, params, K)), (lambda: ll.spectral_density(f, params))
    lanczos = matfree_peers(f, params)
    for row, ours, theirs in zip(rows.values(), calls, lanczos, strict=True):
        found = paired(ours, theirs, rounds)
        row |= {"matfree": found["theirs"], "matfree_ratio": found["ratio"]}
    rows["top-10"]["matfree_error"] = float(np.abs(np.asarray(lanczos[0]()[0]) - exact[::-1][:K]).max())
    for row, theirs in zip(rows.values(), pyhessian(f, params) or (), strict=False):
        took = [seconds(theirs) for _ in range(3)]
        row |= {"pyhessian": float(np.median(took)), "pyhessian_ratio": float(np.median(took)) / row["ours"]}
    if torchs := pyhessian(f, params):
        # Power iteration finds the largest by size, of either sign.
        largest = exact[np.argsort(-np.abs(exact))[:K]]
        rows["top-10"]["pyhessian_error"] = float(np.abs(np.sort(torchs[0]()) - np.sort(largest)).max())
    return rows | {"parameters": ravel_pytree(params)[0].size}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    with jax.enable_x64(True):
        results = {name: measured(f, params, options.rounds) for name, f, params in problems()}
    lines = [
        (
            f"{what}, {name}",
            *(f"{1e3 * held[key]:.3g}" for key in ("ours", "theirs")),
            f"{held['ratio']:.3g}",
            f"{held['matfree_ratio']:.3g}",
            f"{held['pyhessian_ratio']:.3g}" if "pyhessian_ratio" in held else "",
        )
        for name, rows in results.items()
        for what, held in rows.items()
        if what != "parameters"
    ]
    show(
        table(
            "Spectra of Hessians",
            ("what", "ours, ms", "theirs, ms", "theirs / ours", "matfree / ours", "PyHessian / ours"),
            lines,
        )
    )
    device = jax.devices()[0]
    environment = {"device": device.device_kind, "machine": platform.machine(), "cpus": os.cpu_count()}
    environment |= {"blas": os.environ.get("OPENBLAS_NUM_THREADS", "all"), "load": os.getloadavg()[0]} | versions()
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / f"curvature_{device.platform}.json") as temporary:
        temporary.write_text(json.dumps({"environment": environment, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
