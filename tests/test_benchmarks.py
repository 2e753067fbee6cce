"""The benchmarks of scaling and of devices: slopes of known laws, and the GPU's script run small on a processor."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


def scaling():
    spec = importlib.util.spec_from_file_location("scaling", ROOT / "benchmarks" / "scaling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_slopes_of_powers_are_their_exponents():
    made, sizes = scaling(), np.array([10.0, 32.0, 100.0, 316.0, 1000.0])
    found, half = made.slope(sizes, 3.0 * sizes**1.5)
    assert found == pytest.approx(1.5)
    assert half == pytest.approx(0.0, abs=1e-9)
    rng = np.random.default_rng(0)
    held = [made.slope(sizes, sizes * np.exp(rng.normal(scale=0.1, size=5))) for _ in range(400)]
    assert np.mean([abs(found - 1.0) <= half for found, half in held]) == pytest.approx(0.95, abs=0.03)
    assert made.slope(sizes[:2], sizes[:2]) is None
    assert made.judged((1.3, 0.1), (1, 1)) == "above"
    assert made.judged((0.7, 0.1), (1, 1)) == "below"
    assert made.judged((1.3, 0.3), (1, 1)) == made.judged((1.5, 0.1), (1, 2)) == "as theory"


def test_saved_laws_are_those_that_are_measured_and_span_two_decades():
    saved = json.loads((ROOT / "benchmarks" / "results" / "scaling_cpu.json").read_text())["laws"]
    laws = scaling().LAWS
    assert list(saved) == list(laws)
    for name, law in saved.items():
        assert law["time"]["theory"] == list(laws[name].time)
        sizes = [row["size"] for row in law["rows"]]
        assert max(sizes) >= 98 * min(sizes), name


@pytest.mark.slow
def test_the_gpu_s_script_runs_small_on_a_processor(tmp_path):
    environment = os.environ | {"PYTHON": sys.executable, "JAX_PLATFORMS": "cpu"}
    script = ["sh", str(ROOT / "benchmarks" / "gpu.sh")]
    done = subprocess.run([*script, "--small", str(tmp_path)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    held = json.loads((tmp_path / "devices_cpu.json").read_text())
    assert [row["what"].split(",")[0] for row in held["device"]["rows"]] == [
        "sweep",
        "solve",
        "solve",
        "solve",
        "plane",
    ]
    assert all(row["share"] > 0 and row["faster"] > 0 for row in held["device"]["rows"])
    assert set(held["beside"]["rates"]) == {"float32", "float32_highest", "float64", "bytes"}
    assert (tmp_path / "elementwise_cpu.json").exists()
    refused = subprocess.run(script, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "JAX sees no GPU here" in refused.stderr
