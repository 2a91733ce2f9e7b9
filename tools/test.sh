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
# MATRASS_CAMPAIGN=1 adds the tests that are too long for every change.
ctest --test-dir build/dev -j "$(nproc)" --output-on-failure ${MATRASS_CAMPAIGN:+--timeout 3600} \
  $([ -n "${MATRASS_CAMPAIGN:-}" ] || echo -LE campaign) --output-junit "$PWD/$results/cpp.xml"
say "Python tests"
.venv/bin/python tests/python/support/launch.py --junit $results/python.xml
exec .venv/bin/python tools/summary.py $results/cpp.xml $results/python.xml
