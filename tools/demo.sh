#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The main job on real data: from Dask, whose 2 workers become ranks, then from C++ on the file that these wrote. Called by
# ./run demo, which passes its arguments on to examples/python/flights_dask.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh

output=build/demo
matrix=yes
arguments=("$@")
for ((k = 0; k < $#; ++k)); do
  case ${arguments[k]} in
    --output) output=${arguments[k + 1]:-} ;;
    --output=*) output=${arguments[k]#*=} ;;
    --no-matrix) matrix=no ;;
  esac
done

say "examples/python/flights_dask.py"
.venv/bin/python examples/python/flights_dask.py --output "$output" "$@"
[ $matrix = yes ] || exit 0

build_tree dev example_flights_svd
say "examples/cpp/flights_svd.cpp on 2 ranks"
launcher=$(sed -n 's/^MPIEXEC_EXECUTABLE:[^=]*=//p' build/dev/CMakeCache.txt)
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$launcher" -n 2 build/dev/examples/cpp/flights_svd "$output"
