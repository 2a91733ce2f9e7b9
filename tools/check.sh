#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The quick loop: every check runs, every problem is shown. Called by ./run check; --fix formats and does no more.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh
bin=.venv/bin
logs=build/check
mkdir -p $logs

cpp_files() { find include src tests benchmarks examples -name '*.hpp' -o -name '*.cpp' -o -name '*.h'; }
python_files=(python tests tools benchmarks examples)

if [ "${1:-}" = --fix ]; then
  cpp_files | xargs $bin/clang-format -i
  $bin/ruff check --fix --quiet "${python_files[@]}"
  exec $bin/ruff format "${python_files[@]}"
fi

failed=()
check() { # check NAME COMMAND...: its output only if it fails
  local name=$1
  shift
  say "$name"
  if ! ("$@") >"$logs/$name.log" 2>&1; then # in a shell of its own, for `die` ends it
    cat "$logs/$name.log"
    failed+=("$name")
  fi
}

clang_format() { cpp_files | xargs $bin/clang-format --dry-run --Werror; }

changed_cpp() { # changed since the branch left its upstream, or not committed yet
  local base
  base=$(git merge-base HEAD '@{upstream}' 2>/dev/null || git rev-parse HEAD)
  { git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } |
    grep -E '^(include|src|tests|benchmarks|examples)/.*\.[ch]pp$' | grep -v '\.inc\.hpp$' | sort -u # .inc.hpp: a part of a file
}

tidy_changed() { { changed_cpp || true; } | xargs -r -P "$(nproc)" -n 1 $bin/clang-tidy -p build/dev --quiet; }

check clang-format clang_format
check ruff $bin/ruff check "${python_files[@]}"
check ruff-format $bin/ruff format --check "${python_files[@]}"
check mypy $bin/mypy
check codespell $bin/codespell
check layers $bin/python tools/check_layers.py
check build build_tree dev
check install install_package
check clang-tidy tidy_changed
# All C++ tests; Python on 2 ranks, without the demo, killed processes, and clusters of Dask and Spark.
check ctest ctest --test-dir build/dev -j "$(nproc)" --output-on-failure --timeout 300
check pytest $bin/python tests/python/support/launch.py --ranks 2 tests/python tests/tools -- -q \
  --ignore=tests/python/{examples,guard,dask,spark} --ignore-glob='*/test_faults.py' --ignore-glob='*/test_sessions.py'

if [ ${#failed[@]} -gt 0 ]; then
  say "failed: ${failed[*]} (logs in $logs)"
  exit 1
fi
say "all checks passed"
