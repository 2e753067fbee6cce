"""The compiled programs of a sweep, kept by what they are: an equal call finds them, whatever new objects it brings."""

import concurrent.futures
import functools
import hashlib
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from lossland.core import Keyed, Params, by_structure
from lossland.training._examples import Examples
from lossland.training._records import measure
from lossland.training._step import BlockState, Plan, advance_block, start_block

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

    @property
    def programs(self) -> "Programs":
        """Themselves, compiled as they are called."""
        return Programs(_done(self.advance), _done(self.measure))


class Programs(NamedTuple):
    """What runs a block from its first step to its last; they may still be compiling."""

    advance: "concurrent.futures.Future[Callable[..., BlockState]]"
    measure: "concurrent.futures.Future[Callable[..., dict[str, Array]]]"

    @property
    def ready(self) -> bool:
        """Whether both are compiled."""
        return self.advance.done() and self.measure.done()


def starting(init: Keyed, d: int) -> Callable[[Array], Params]:
    """The function of seeds, (width,), that gives the parameters at the start."""
    return _starting(init, d, _surroundings())


@by_structure(maxsize=KEPT)
def _starting(init: Keyed, d: int, surroundings: Hashable) -> Callable[[Array], Params]:
    return jax.jit(jax.vmap(lambda seed: init.value(jax.random.key(seed), d)))


@by_structure(maxsize=KEPT)
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


def by_text(function: Any) -> Callable:
    """A jitted function that is new in each call, as one whose program is found by its text."""

    def call(*arguments: Any) -> Any:
        lowered = function.lower(*arguments)
        said = f"{lowered.as_text()} {jax.tree.structure(arguments)} {lowered.out_tree}"
        text = hashlib.sha256(said.encode()).hexdigest()
        return _one(Keyed(text, lowered), _surroundings())(*arguments)

    return call


@functools.lru_cache(maxsize=KEPT)
def _one(lowered: Keyed, surroundings: Hashable) -> Callable:
    return lowered.value.compile()


def lower(functions: Jitted, readable: bool, advanced: tuple, measured: tuple) -> Keyed:
    """Both programs before they are compiled, keyed by their text.

    Args:
        functions: from `jitted`.
        readable: whether all that they are made of could be read; if not they are new in each call, and so is this.
        advanced: arguments of `advance`.
        measured: arguments of `measure`.
    """
    lowered = _lowered if readable else _lowered.__wrapped__
    return lowered(functions, _shaped(advanced), _shaped(measured), _surroundings())


def programs(lowered: Keyed, together: bool) -> Programs:
    """The compiled programs of a text, from the store or under way in a thread of their own.

    Args:
        lowered: from `lower`.
        together: whether several blocks run at once, each in one thread.
    """
    wanted = lowered, together and jax.default_backend() == "cpu", _surroundings()
    if any(future.done() and future.exception() is not None for future in _compiled(*wanted)):
        # An earlier call could not compile it, for want of memory say: it is tried again.
        _compiled.cache_clear()
    return _compiled(*wanted)


@functools.lru_cache(maxsize=KEPT)
def _lowered(functions: Jitted, advanced: Keyed, measured: Keyed, surroundings: Hashable) -> Keyed:
    # In the caller's thread, which has the caller's configuration. The text has the constants in full.
    lowered = functions.advance.lower(*advanced.value), functions.measure.lower(*measured.value)
    # Programs of one text may take their arrays in other containers.
    text = "".join(f"{each.as_text()} {each.in_tree} {each.out_tree}" for each in lowered)
    return Keyed(hashlib.sha256(text.encode()).hexdigest(), lowered)


@functools.lru_cache(maxsize=KEPT)
def _compiled(lowered: Keyed, one_thread: bool, surroundings: Hashable) -> Programs:
    """Compiled beside, one after the other: XLA uses all cores for each, and memory for both at once."""
    options = {"xla_cpu_multi_thread_eigen": False} if one_thread else None
    pool = concurrent.futures.ThreadPoolExecutor(1, "compiling")
    try:
        return Programs(*(pool.submit(each.compile, options) for each in lowered.value))
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
    names = (
        "jax_enable_x64",
        "jax_default_matmul_precision",
        "jax_debug_nans",
        "jax_threefry_partitionable",
        "jax_default_prng_impl",
        "jax_numpy_dtype_promotion",
        "jax_numpy_rank_promotion",
        "jax_disable_jit",
    )
    return (
        *(getattr(jax.config, name, None) for name in names),
        str(getattr(jax.config, "jax_default_device", None)),
        jax.default_backend(),
    )


def _specs(plan: Plan) -> tuple[Any, Any, Any]:
    """How examples, models and states lie on the devices."""
    whole: Any = P()
    rows: Any = P("rows") if plan.axis else P()
    models: Any = P() if plan.axis else P(None, "models")
    state = BlockState(models, models, step=whole, order=whole, status=models, stopped=models, mean=models)
    both: Any = P(None, "rows") if plan.axis else P()
    return Examples(rows, rows, rows, rows, n=whole, both=both), models, state


def _over_devices(mesh: Mesh | None, f: Callable, taken: Any, given: Any) -> Callable:
    # Loops of devices may differ in length, which the checker of replication cannot follow.
    return f if mesh is None else jax.shard_map(f, mesh=mesh, in_specs=taken, out_specs=given, check_vma=False)
