#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# no_mpi.sh COMMAND...: runs a command on this machine as it would be without any MPI or ScaLAPACK: in a mount namespace of its
# own where their files are covered. Nothing outside of the namespace changes.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  scratch=$(mktemp -d)
  trap 'umount -q "$scratch" || true; rmdir "$scratch"' EXIT
  flags=(--mount)
  [ "$(id -u)" = 0 ] || flags+=(--map-root-user)
  # In a chroot the root is no mount point, and unshare cannot make it private: --inside makes a private copy instead.
  unshare "${flags[@]}" true 2>/dev/null || flags+=(--propagation unchanged)
  unshare "${flags[@]}" "$0" --inside "$scratch" "$PWD" "$@"
  exit
fi

scratch=$2 folder=$3
shift 3
mount --bind "$scratch" "$scratch"
mount --make-private "$scratch"
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/root" "$scratch/empty"
mount --rbind / "$scratch/root"
mount --make-rprivate "$scratch/root"
cd "$scratch/root"
shopt -s nullglob
for path in usr/lib/*/lib{mpi,mpich,scalapack,open-rte,open-pal}*.so* usr/lib/*/lib{mpi,mpich}*.a \
            usr/bin/mpi{cc,cxx,exec,run,CC,c++}* usr/bin/hydra_* usr/bin/orte*; do
  [ ! -f "$path" ] || [ -L "$path" ] || mount --bind /dev/null "$path"
done
for path in usr/include/*/mpich usr/lib/*/mpich usr/lib/*/openmpi usr/lib/*/fortran usr/lib/*/pkgconfig; do
  [ -L "$path" ] || mount --bind "$scratch/empty" "$path"
done
exec chroot . /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$folder" "$@"
