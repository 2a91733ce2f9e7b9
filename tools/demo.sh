#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The main job on real data, from Python and then from C++. Called by ./run demo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh
