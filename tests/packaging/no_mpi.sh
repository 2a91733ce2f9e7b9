#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# no_mpi.sh COMMAND...: runs a command on this machine as it would be without any MPI or ScaLAPACK: in a mount namespace of its
# own where their files are covered. Nothing outside of the namespace changes.
set -euo pipefail
if [ "${1:-}" != --inside ]; then
  map=()
  [ "$(id -u)" = 0 ] || map=(--map-root-user)
  exec unshare --mount "${map[@]}" "$0" --inside "$@"
fi
shift
empty=$(mktemp -d)
shopt -s nullglob
for path in /usr/lib/*/lib{mpi,mpich,scalapack,open-rte,open-pal}*.so* /usr/lib/*/lib{mpi,mpich}*.a \
            /usr/bin/mpi{cc,cxx,exec,run,CC,c++}* /usr/bin/hydra_* /usr/bin/orte*; do
  [ ! -f "$path" ] || [ -L "$path" ] || mount --bind /dev/null "$path"
done
for path in /usr/include/*/mpich /usr/lib/*/mpich /usr/lib/*/openmpi /usr/lib/*/fortran /usr/lib/*/pkgconfig; do
  [ -L "$path" ] || mount --bind "$empty" "$path"
done
exec "$@"
