#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every test of the built tree: C++ by CTest, then Python, MPI and packaging by pytest. Called by ./run test.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh

if [ $# -gt 0 ]; then
  exec .venv/bin/python tests/python/support/launch.py "$@"
fi

results=build/results
rm -rf $results
mkdir -p $results
say "C++ tests"
# MATRASS_CAMPAIGN=1 makes tests longer, and their own time limits.
ctest --test-dir build/dev -j "$(nproc)" --output-on-failure --timeout ${MATRASS_CAMPAIGN:+3}1800 \
  --output-junit "$PWD/$results/cpp.xml"
sanitized=
if [ -z "${MATRASS_CAMPAIGN:-}" ]; then # a campaign runs all of them
  say "C++ tests under sanitizers: a sample"
  sanitized=$results/sanitized.xml
  sanitizer_sample "$PWD/$sanitized"
fi
say "Python tests"
.venv/bin/python tests/python/support/launch.py --junit $results/python.xml

# Those that move matrices once more on each path that these can take, or a sample of both.
if [ -n "${MATRASS_CAMPAIGN:-}" ]; then
  paths=(direct push pull message mixed apart)
  moving=(tests/python/matrix tests/python/create)
else
  paths=(push pull message mixed)
  moving=(--ranks 6 tests/python/matrix/test_{to,gather}.py tests/python/create/test_from_tiles.py
    -- -q -k "np6 and (all_pairs or any_tiling or each_root or there_and_back)")
fi
reports=($results/python.xml)
for path in "${paths[@]}"; do
  say "Python tests on the path $path"
  case $path in
    mixed) environment=(MATRASS_PATH=direct MATRASS_RANKS_PER_NODE=2) ;; # ranks of a node copy, nodes exchange messages
    apart) environment=(MATRASS_PATH=direct MATRASS_RANKS_PER_NODE=1) ;;
    *) environment=(MATRASS_PATH="$path") ;;
  esac
  reports+=("$results/python-$path.xml")
  env "${environment[@]}" .venv/bin/python tests/python/support/launch.py --only spmd --junit "${reports[-1]}" "${moving[@]}"
done
exec .venv/bin/python tools/summary.py $results/cpp.xml $sanitized "${reports[@]}"
