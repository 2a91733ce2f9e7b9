# SPDX-License-Identifier: BSD-3-Clause
# What is installed where. Next: matrassConfig.cmake.in.
