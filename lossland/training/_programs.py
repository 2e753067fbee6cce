"""The compiled programs of a sweep, kept by what they are: an equal call finds them, whatever new objects it brings."""

import concurrent.futures
import functools
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from lossland.core import Keyed, Params
from lossland.training._records import measure
from lossland.training._step import BlockState, Examples, Plan, advance_block, start_block

KEPT = 16
"""Sweeps, or blocks of long ones, whose programs are kept at most; beyond, those longest unused are let go."""


class Jitted(NamedTuple):
    """The functions of a block, compiled anew for each new shape.

    Attributes:
        begin: (params, hyper, order) -> `BlockState`.
        advance: (members, examples, hyper, state, until, key) -> `BlockState`; uses up the state.
        measure: (members, examples, held_out, thresholds, hyper, state) -> name -> numbers.
    """

    begin: Callable[..., BlockState]
    advance: Any
    measure: Any


class Programs(NamedTuple):
    """What runs a block from its first step to its last; they may still be compiling."""

    advance: "concurrent.futures.Future[Callable[..., BlockState]]"
    measure: "concurrent.futures.Future[Callable[..., dict[str, Array]]]"

    @property
    def ready(self) -> bool:
        """Whether both are compiled."""
        return self.advance.done() and self.measure.done()


@functools.lru_cache(maxsize=KEPT)
def starting(init: Keyed, d: int) -> Callable[[Array], Params]:
    """The function of seeds, (width,), that gives the parameters at the start."""
    return jax.jit(jax.vmap(lambda seed: init.value(jax.random.key(seed), d)))


@functools.lru_cache(maxsize=KEPT)
def jitted(plan: Keyed, metrics: Keyed, mesh: Mesh | None) -> Jitted:
    """The functions of a block of this plan."""
    rows, models, state = _specs(plan.value)
    advance = functools.partial(advance_block, plan.value)
    taken = (P(), rows, models, state, P(), P())
    measured = functools.partial(measure, plan.value, metrics.value)
    return Jitted(
        jax.jit(functools.partial(start_block, plan.value)),
        jax.jit(_over_devices(mesh, advance, taken, state), donate_argnums=3),
        jax.jit(_over_devices(mesh, measured, (P(), rows, P(), P(), models, state), models)),
    )


def programs(functions: Jitted, alone: bool, advanced: tuple, measured: tuple, together: bool) -> Programs:
    """The compiled programs for such arguments, from the store or under way in threads of their own.

    Args:
        functions: from `jitted`.
        alone: whether one device runs the block.
        advanced: arguments of `advance`.
        measured: arguments of `measure`.
        together: whether several blocks run at once, each in one thread.
    """
    if not alone:
        return Programs(_done(functions.advance), _done(functions.measure))
    shapes = _shaped(advanced), _shaped(measured)
    return _compiled(functions, *shapes, together and jax.default_backend() == "cpu", _surroundings())


@functools.lru_cache(maxsize=KEPT)
def _compiled(
    functions: Jitted, advanced: Keyed, measured: Keyed, one_thread: bool, surroundings: Hashable
) -> Programs:
    """Lowered here, in the caller's thread, which has the caller's configuration; compiled beside."""
    options = {"xla_cpu_multi_thread_eigen": False} if one_thread else None
    lowered = functions.advance.lower(*advanced.value), functions.measure.lower(*measured.value)
    pool = concurrent.futures.ThreadPoolExecutor(1, "compiling")
    try:
        return Programs(*(pool.submit(each.compile, options) for each in lowered))
    finally:
        pool.shutdown(wait=False)


def _done(function: Callable) -> Any:
    """A future that has its result."""
    future: Any = concurrent.futures.Future()
    future.set_result(function)
    return future


def _shaped(arguments: tuple) -> Keyed:
    """The arguments' shapes and types, which are all that a program is compiled for."""
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, weak_type=False), arguments)
    leaves, tree = jax.tree.flatten(shapes)
    return Keyed((tree, tuple((x.shape, str(x.dtype)) for x in leaves)), shapes)


def _surroundings() -> Hashable:
    """What else of a session decides how a function is traced."""
    names = ("jax_enable_x64", "jax_default_matmul_precision", "jax_debug_nans", "jax_threefry_partitionable")
    return (
        *(getattr(jax.config, name) for name in names),
        str(getattr(jax.config, "jax_default_device", None)),
        jax.default_backend(),
    )


def _specs(plan: Plan) -> tuple[Any, Any, Any]:
    """How examples, models and states lie on the devices."""
    whole: Any = P()
    rows: Any = P("rows") if plan.axis else P()
    models: Any = P() if plan.axis else P(None, "models")
    state = BlockState(models, models, step=whole, order=whole, status=models, stopped=models, mean=models)
    return Examples(rows, rows, rows, rows, n=whole), models, state


def _over_devices(mesh: Mesh | None, f: Callable, taken: Any, given: Any) -> Callable:
    # Loops of devices may differ in length, which the checker of replication cannot follow.
    return f if mesh is None else jax.shard_map(f, mesh=mesh, in_specs=taken, out_specs=given, check_vma=False)
