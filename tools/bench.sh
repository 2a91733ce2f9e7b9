#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs benchmarks/NAME*, one JSON line a case on standard output. Called by ./run bench NAME...
#   NAME/run.py and NAME*.py   run by .venv's Python; they start their own ranks
#   NAME*.cpp                  a program in build/dev/benchmarks, on 2 ranks with one BLAS thread each
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh
shopt -s nullglob

launcher=$(sed -n 's/^MPIEXEC_EXECUTABLE:[^=]*=//p' build/dev/CMakeCache.txt)
[ $# -gt 0 ] || die "bench: which one? got none of: $(cd benchmarks && echo *)"
for name in "$@"; do
  found=0
  for path in benchmarks/"$name"*/run.py benchmarks/"$name"*.py; do
    found=1
    say "$path"
    .venv/bin/python "$path"
  done
  for path in benchmarks/"$name"*.cpp; do
    found=1
    say "$path"
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$launcher" -n 2 "build/dev/benchmarks/$(basename "$path" .cpp)"
  done
  [ $found = 1 ] || die "bench: no benchmark is called $name (there are: $(cd benchmarks && echo *))"
done
