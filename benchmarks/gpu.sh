#!/bin/sh
# Everything that is measured on a GPU, in under ten minutes, with the figures of the same machine's processors beside it.
#
#     sh benchmarks/gpu.sh [--small] [folder]        writes folder/devices_gpu.json and folder/elementwise_gpu.json
#
# The folder is benchmarks/results where none is named. The Python is $PYTHON, .venv/bin/python or python3; it needs
# lossland's dependencies and JAX for the GPU (pip install '.[cuda12]'). --small tries all of it at tiny sizes on
# whatever device there is, a processor too, and writes only to a folder that is named.
set -eu
cd "$(dirname "$0")/.."

small=
if [ "${1:-}" = --small ]; then small=--small; shift; fi
folder=${1:-}
if [ -z "$folder" ] && [ -n "$small" ]; then echo "gpu.sh: --small needs a folder to write to." >&2; exit 2; fi
folder=${folder:-benchmarks/results}
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" LOSSLAND_COMPILATION_CACHE=off
# Memory as it is needed: what JAX takes in advance would hide how much a call needs.
export XLA_PYTHON_CLIENT_PREALLOCATE=false

backend=$(timeout 60 "$python" -c 'import jax; print(jax.default_backend())')
if [ "$backend" != gpu ] && [ -z "$small" ]; then
    echo "gpu.sh: JAX sees no GPU here, only $backend. Is its plugin installed (pip install '.[cuda12]')?" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "1 of 3: the processors" >&2
JAX_PLATFORMS=cpu timeout 240 "$python" benchmarks/devices.py $small --out "$work"
echo "2 of 3: $backend" >&2
timeout 180 "$python" benchmarks/devices.py $small --beside "$work/devices_cpu.json" --out "$folder"
echo "3 of 3: elementwise pairs" >&2
size=100000000; rounds=11
if [ -n "$small" ]; then size=10000; rounds=3; fi
timeout 100 "$python" benchmarks/elementwise.py --n $size --rounds $rounds --calls 10 --out "$folder"
