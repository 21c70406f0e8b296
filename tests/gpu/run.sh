#!/usr/bin/env bash
# Tests and measures catomo on an NVIDIA GPU: tests/gpu/README.md says what it needs.
set -uo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
OUT=${OUT:-gpu-results}
SITE=${SITE:-${TMPDIR:-/tmp}/catomo-gpu}
mkdir -p "$OUT" "$SITE"
OUT=$(cd "$OUT" && pwd)

if [ -n "${WHEELS:-}" ]; then
  WHEELS=$(cd "$WHEELS" && pwd)
  "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target "$SITE" "$WHEELS"/*.whl || exit 1
elif [ -z "${INSTALLED:-}" ]; then
  "$PYTHON" -m pip install -q --upgrade --target "$SITE" -r tests/gpu/requirements.txt || exit 1
fi
export PYTHONPATH=$SITE:$PWD/workflow PYTHONUNBUFFERED=1 NUMBA_CACHE_DIR=$SITE/numba MPLBACKEND=Agg
# The wheel of ASTRA looks for libraries of CUDA 12 that other wheels bring.
LIBRARIES=$(printf '%s:' "${WHEELS:-$SITE}"/lib "$SITE"/nvidia/*/lib)
export LD_LIBRARY_PATH=$LIBRARIES${LD_LIBRARY_PATH:-}

begin=$SECONDS
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$OUT/card.txt"
"$PYTHON" - <<'P' 2>&1 | tee -a "$OUT/card.txt"
from catomo.reconstruct.cuda import cuda_device
print("cuda:", cuda_device().name)
try:
    import astra
    print("astra:", astra.__version__, "use_cuda", astra.use_cuda())
except ImportError as error:
    print("astra:", error)
P

timeout "${TESTS_S:-110}" "$PYTHON" -m pytest tests/unit/projection tests/unit/reconstruct -m gpu \
  -rfEs --tb=short --durations=5 > "$OUT/tests.txt" 2>&1
tests=$?
tail -25 "$OUT/tests.txt"
echo "tests: exit $tests after $((SECONDS - begin)) s"

timeout "${BENCHMARK_S:-170}" "$PYTHON" benchmarks/reconstruct.py --gpu ${QUICK:+--quick} \
  --json "$OUT/reconstruct.json" 2>&1 | tee "$OUT/reconstruct.txt"
measured=$?
echo "benchmark: exit $measured after $((SECONDS - begin)) s"
exit $((tests || measured))
