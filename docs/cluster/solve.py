"""One problem's rows over all devices of all processes: `sbatch solve.slurm solve.py my_data.csv`."""

import sys

import jax

# Before anything else of JAX: which processes there are, as Slurm says. One that dies is noticed after 10 seconds.
jax.distributed.initialize(heartbeat_timeout_seconds=10)

import lossland as ll  # noqa: E402

# Every process reads the same file, and works on the rows of its own devices.
data = ll.standardise(ll.load(sys.argv[1]))
found = ll.solve("hinge", data, C=[0.1, 1.0, 10.0], devices=jax.devices())
if jax.process_index() == 0:
    for C, objective, gap in zip((0.1, 1.0, 10.0), found.objective, found.gap, strict=True):
        print(f"C = {C:g}: objective {objective:.12g}, certified to {gap:.1e}")
