// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Everything. The folders in the order of the data's way:
/// core, mpi, grid, layout, matrix, redistribute, scalapack, algorithm, sparse.
/// Next: layout/layout.hpp, where the names of the layouts are explained
#pragma once

#include <matrass/algorithm/norm.hpp>
#include <matrass/algorithm/pca.hpp>
#include <matrass/algorithm/truncated_svd.hpp>
#include <matrass/layout/descriptor.hpp>
#include <matrass/layout/distribution.hpp>
#include <matrass/matrix/create.hpp>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/matrix/local_view.hpp>
#include <matrass/mpi/environment.hpp>
#include <matrass/redistribute/convert.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/redistribute/relabel.hpp>
#include <matrass/redistribute/tile_sink.hpp>
#include <matrass/redistribute/tiles.hpp>
#include <matrass/scalapack/matmul.hpp>
#include <matrass/sparse/convert.hpp>
#include <matrass/sparse/from_triplets.hpp>
#include <matrass/sparse/gather.hpp>
#include <matrass/sparse/norm.hpp>
#include <matrass/sparse/product.hpp>
#include <matrass/sparse/truncated_svd.hpp>
