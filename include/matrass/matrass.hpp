// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Everything. The folders in the order of the data's way:
/// core, mpi, grid, layout, matrix, redistribute, scalapack, algorithm, sparse.
/// Next: layout/layout.hpp, where the names of the layouts are explained
#pragma once

#include <matrass/algorithm/certificate.hpp>
#include <matrass/algorithm/cg.hpp>
#include <matrass/algorithm/kmeans.hpp>
#include <matrass/algorithm/leverage_scores.hpp>
#include <matrass/algorithm/lsqr.hpp>
#include <matrass/algorithm/lstsq.hpp>
#include <matrass/algorithm/norm.hpp>
#include <matrass/algorithm/pca.hpp>
#include <matrass/algorithm/pinv.hpp>
#include <matrass/algorithm/qr.hpp>
#include <matrass/algorithm/random_features.hpp>
#include <matrass/algorithm/ridge.hpp>
#include <matrass/algorithm/svd.hpp>
#include <matrass/algorithm/tall_certificate.hpp>
#include <matrass/algorithm/tall_qr.hpp>
#include <matrass/algorithm/truncated_svd.hpp>
#include <matrass/layout/descriptor.hpp>
#include <matrass/layout/distribution.hpp>
#include <matrass/matrix/create.hpp>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/matrix/local_view.hpp>
#include <matrass/matrix/random.hpp>
#include <matrass/mpi/environment.hpp>
#include <matrass/redistribute/convert.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/redistribute/relabel.hpp>
#include <matrass/redistribute/tile_sink.hpp>
#include <matrass/redistribute/tiles.hpp>
#include <matrass/scalapack/cholesky.hpp>
#include <matrass/scalapack/eigh.hpp>
#include <matrass/scalapack/eigvals.hpp>
#include <matrass/scalapack/lu.hpp>
#include <matrass/scalapack/matmul.hpp>
#include <matrass/scalapack/solve.hpp>
#include <matrass/sparse/certificate.hpp>
#include <matrass/sparse/convert.hpp>
#include <matrass/sparse/from_triplets.hpp>
#include <matrass/sparse/gather.hpp>
#include <matrass/sparse/kmeans.hpp>
#include <matrass/sparse/norm.hpp>
#include <matrass/sparse/pca.hpp>
#include <matrass/sparse/product.hpp>
#include <matrass/sparse/ridge.hpp>
#include <matrass/sparse/solvers.hpp>
#include <matrass/sparse/truncated_svd.hpp>
