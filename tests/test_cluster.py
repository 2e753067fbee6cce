"""The files for clusters in docs/cluster run as they stand: two local processes stand for two nodes."""

import contextlib
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lossland as ll

CLUSTER = Path(__file__).parent.parent / "docs" / "cluster"
SRUN = """\
#!/bin/bash
# Stands for srun: the command once for each of two nodes, each told by Slurm's variables which it is.
[ "$1" = --kill-on-bad-exit=1 ] && shift
for rank in 0 1; do
    SLURM_PROCID=$rank SLURM_LOCALID=0 SLURM_NTASKS=2 SLURM_STEP_NUM_NODES=2 SLURM_STEP_NODELIST=localhost "$@" &
    pids[$rank]=$!
done
wait "${pids[0]}" && wait "${pids[1]}"
"""
SWEEP = ["identity+hinge", "relu+hinge", "--data", "two_gaussians(n=60, d=3, seed=1)", "--seeds", "4"]
SWEEP += ["--thresholds", "0", "--block-scores", "700", "--steps", "50"]


@pytest.fixture
def node(tmp_path):
    """The environment of a job's script: srun and lossland are found, and a job has a number."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {
        "srun": SRUN,
        "lossland": f'#!/bin/sh\nexec "{sys.executable}" -m lossland "$@"\n',
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(stat.S_IRWXU)
    # JAX takes the coordinator's port from the job's number: one whose port is free.
    for job in range(os.getpid(), os.getpid() + 100):
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", job % 2**12 + 65535 - 2**12 + 1))
            break
    paths = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHON": sys.executable}
    paths |= {"LOSSLAND_OUT": str(tmp_path / "out")}
    return os.environ | paths | {"SLURM_JOB_ID": str(job), "SLURM_SUBMIT_DIR": str(tmp_path)}


def ran(command, environment, **more):
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, **more)


@pytest.mark.slow
def test_the_slurm_file_of_a_sweep_gives_the_bits_of_one_process(node, tmp_path):
    done = ran(["bash", CLUSTER / "sweep.slurm", *SWEEP], node)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("models of 2 pairs") == 1
    alone = ran([sys.executable, "-m", "lossland", "sweep", *SWEEP, "--out", str(tmp_path / "one")], os.environ)
    assert alone.returncode == 0, alone.stderr[-3000:]
    two, one = (ll.read_sweep(next((tmp_path / folder).glob("*.nc"))) for folder in ("out", "one"))
    for name, record in one.records.items():
        np.testing.assert_array_equal(record, two.records[name], err_msg=name)


@pytest.mark.slow
def test_the_slurm_file_of_a_solution_gives_the_answer_of_one_process(node, tmp_path):
    data = ll.load("two_gaussians(n=60, d=3, seed=1)")
    table = np.column_stack([data.inputs, data.labels])
    np.savetxt(tmp_path / "my_data.csv", table, delimiter=",", header="a,b,c,label", comments="")
    done = ran(["bash", CLUSTER / "solve.slurm", CLUSTER / "solve.py", str(tmp_path / "my_data.csv")], node)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("C = ")]
    want = ll.solve("hinge", ll.standardise(ll.load(str(tmp_path / "my_data.csv"))), C=[0.1, 1.0, 10.0]).objective
    np.testing.assert_allclose([float(line.split()[4].rstrip(",")) for line in lines], want, rtol=1e-11)


@pytest.mark.slow
def test_the_kubernetes_file_runs_its_pods_command(node, tmp_path):
    yaml = pytest.importorskip("yaml")
    service, job = yaml.safe_load_all((CLUSTER / "sweep.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {each["name"]: each["value"] for each in container["env"]}
    # Pod 0 is found by the name that the headless service gives it.
    assert given["COORDINATOR"].partition(":")[0] == f"{job['metadata']['name']}-0.{service['metadata']['name']}"
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert int(given["PROCESSES"]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        given |= {"COORDINATOR": f"127.0.0.1:{free.getsockname()[1]}", "OUT": str(tmp_path / "out")}
    script, name, *words = container["args"]
    assert words[:1] == ["--all"]
    pods = [
        subprocess.Popen(
            [*container["command"], script, name, *SWEEP],
            env=node | given | {"JOB_COMPLETION_INDEX": str(index)}, stderr=subprocess.PIPE, text=True,
        )
        for index in range(2)
    ]  # fmt: skip
    try:
        told = [each.communicate(timeout=300) for each in pods]
    finally:
        for each in pods:
            each.kill()
    assert [each.returncode for each in pods] == [0, 0], told
    assert ll.read_sweep(next((tmp_path / "out").glob("*.nc"))).status.shape[:2] == (2, 4)
