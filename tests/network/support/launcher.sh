#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# launcher.sh -x HOST COMMAND...: for mpiexec what ssh is, where the hosts are network namespaces of this machine.
# With MATRASS_TEST_OWN_PIDS the processes of each host also number themselves, as those of two machines do.
shift
host=$1
shift
set -- sh -c "exec $*"
if [ -n "${MATRASS_TEST_OWN_PIDS:-}" ]; then
  set -- unshare --pid --fork --kill-child --mount-proc "$@"
fi
exec ip netns exec "$host" "$@"
