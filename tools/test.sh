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
exec .venv/bin/python tools/summary.py $results/cpp.xml $sanitized $results/python.xml
