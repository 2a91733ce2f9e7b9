# SPDX-License-Identifier: BSD-3-Clause
# What ./run sets up before it starts anything: system packages, .venv, the build. Sourced by ./run, from the top level.
# Each step leaves a stamp with a hash of its inputs and does nothing while the hash is the same.

export RUN_STARTED=${RUN_STARTED:-$(date +%s)}

say() { printf '== %4d s  %s\n' $(($(date +%s) - RUN_STARTED)) "$*" >&2; }
die() { printf 'run: %s\n' "$*" >&2; exit 1; }

hash_of() { # hash_of FILE_OR_FOLDER...: content and names
  find "$@" -type f -not -name '*.py[co]' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# --- system packages ---

python_is_good() { # at least 3.11, with headers and venv
  "$1" - 2>/dev/null <<'PY'
import ensurepip, pathlib, sys, sysconfig
sys.exit(sys.version_info < (3, 11) or not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())
PY
}

missing_packages() {
  local package kind
  while read -r package kind; do
    case $package in '' | '#'*) continue ;; esac
    if [ "$kind" = python ] && python_is_good python3; then continue; fi
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done <tools/apt-packages.txt
}

ensure_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: install what corresponds to tools/apt-packages.txt yourself"
    return
  fi
  local missing install
  missing=$(missing_packages | xargs)
  [ -n "$missing" ] || return 0
  install="apt-get update && apt-get install -y --no-install-recommends $missing"
  say "system packages: $missing"
  if [ "$(id -u)" = 0 ]; then
    DEBIAN_FRONTEND=noninteractive bash -ec "$install" >build/apt.log 2>&1 || { tail -5 build/apt.log >&2; die "apt-get failed"; }
  elif command -v sudo >/dev/null && sudo -v; then
    sudo env DEBIAN_FRONTEND=noninteractive bash -ec "$install" >build/apt.log 2>&1 || { tail -5 build/apt.log >&2; die "apt-get failed"; }
  else
    die "these packages need root: $(command -v sudo >/dev/null && echo sudo sh || echo su) -c '$install'"
  fi
}

# --- the virtual environment ---

requirements() { # of matrass itself and of its demo
  .venv/bin/python - <<'PY'
import pathlib, tomllib
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
print(*project["dependencies"], *project["optional-dependencies"]["demo"], sep="\n")
PY
}

ensure_venv() { # ensure_venv GROUP...: dependency groups of pyproject.toml
  local stamp group args=() want
  if [ ! -x .venv/bin/python ] || [ ! -e .venv/.stamp-pip ]; then
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then # none, one cut short, or its Python is gone
      python_is_good python3 || die "python3 must be 3.11 or newer, with headers and venv: got $(python3 --version 2>&1)"
      say ".venv: $(python3 --version)"
      python3 -m venv --clear .venv || die "python3 -m venv .venv failed"
    fi
    .venv/bin/python -m pip install -q --upgrade 'pip>=25.1' || die "pip could not be brought up to date"
    : >.venv/.stamp-pip
  fi
  want=$(hash_of pyproject.toml)
  for group in "$@"; do
    stamp=.venv/.stamp-$group
    [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] || args+=(--group "$group")
  done
  [ ${#args[@]} -gt 0 ] || return 0
  say "Python packages: ${args[*]}"
  requirements | .venv/bin/python -m pip install -q -r /dev/stdin "${args[@]}" ||
    die "pip could not install ${args[*]}"
  for group in "$@"; do echo "$want" >".venv/.stamp-$group"; done
}

# --- the build ---

build_tree() { # build_tree PRESET [TARGET...]
  local preset=$1 log=build/$1.log stamp=build/$1/.stamp-presets want
  shift
  want=$(hash_of CMakePresets.json) # Ninja looks after everything else that CMake reads
  if [ ! -e "build/$preset/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
    say "configure: $preset"
    cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; die "cmake --preset $preset failed"; }
    echo "$want" >"$stamp"
  fi
  say "build: $preset"
  cmake --build "build/$preset" -j "$(nproc)" ${1:+--target "$@"}
}

# --- sanitizers ---

# Leaks are not looked for: MPI and BLACS keep what they have until the process ends. ASan must come before the guard.
# The tests are as long as every day, and take some times as long.
sanitized() { # sanitized COMMAND...
  env -u MATRASS_CAMPAIGN MATRASS_TEST_TIME_SCALE=10 UBSAN_OPTIONS=print_stacktrace=1 \
    ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 "$@"
}

sanitizer_sample() { # sanitizer_sample JUNIT: index arithmetic, plans, memory, copies, every path; nothing compiled of the library
  local tests=(layout.{axis,distribution} redistribute.{runs,cover,plan,huge_plan,lines,weave,walk,paths.np4}
    matrix.{arena,free_ranges,memory_pool})
  local targets=("${tests[@]%.np?}")
  targets=("${targets[@]//./_}")
  build_tree asan "${targets[@]/#/test_}" >build/asan.log 2>&1 || { cat build/asan.log >&2; return 1; }
  sanitized ctest --test-dir build/asan -j "$(nproc)" --output-on-failure --timeout 600 --output-junit "$1" \
    -R "^($(IFS='|'; echo "${tests[*]//./\\.}"))$"
}

python_modules() { # their names: an editable install knows where each one is
  find python/matrass -name '*.py' | sort
}

install_package() { # the package into .venv, editable: Python files stay in the tree, _core is built by Ninja
  local stamp=.venv/.stamp-package want
  want="$(hash_of pyproject.toml CMakeLists.txt cmake include src) $(python_modules | sha256sum)"
  [ "$(cat $stamp 2>/dev/null)" != "$want" ] || return 0
  say "install into .venv"
  # The compilers by the names that CMake finds by itself: ccache then knows the objects of build/dev.
  CC=${CC:-cc} CXX=${CXX:-c++} .venv/bin/python -m pip install -q --no-build-isolation --no-deps --editable . \
    -C cmake.define.CMAKE_COMPILE_WARNING_AS_ERROR=ON -C cmake.define.MATRASS_MPI=ON ||
    die "pip could not install matrass into .venv"
  echo "$want" >$stamp
}
