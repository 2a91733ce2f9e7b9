#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What is too long for every change: every test with MATRASS_CAMPAIGN=1 (full cross products, repeated faults), the C++ tests
# under AddressSanitizer and UndefinedBehaviorSanitizer, and clang-tidy on the whole tree. Called by ./run campaign, which passes
# its argument on: "faults" for sessions' faults alone.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh
export MATRASS_CAMPAIGN=1
if [ "${1:-}" = faults ]; then # ranks that die, stop or never end, again and again
  exec .venv/bin/python tests/python/support/launch.py --only serial tests/python/{session,dask,spark} -- -q \
    -k "faults or many_sessions or idle_ranks"
fi
export MATRASS_TEST_EXAMPLES=10 # times as many examples of each hypothesis test
status=0

say "clang-tidy: the whole tree"
.venv/bin/python - <<'PY' | xargs -P "$(nproc)" -n 1 .venv/bin/clang-tidy -p build/dev --quiet || status=1
import json, pathlib
for entry in json.loads(pathlib.Path("build/dev/compile_commands.json").read_text()):
    if "/build/" not in entry["file"]:
        print(entry["file"])
PY

say "sanitizers"
(build_tree asan) || status=1
sanitized ctest --test-dir build/asan -j "$(nproc)" --output-on-failure --timeout 7200 || status=1

say "everything that ./run test does, at full length"
tools/test.sh || status=1
exit $status
