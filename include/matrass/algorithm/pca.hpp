// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Principal components: the truncated SVD of the matrix with its column means taken off.
/// Next: algorithm/operator.hpp
#pragma once

#include <cmath>
#include <matrass/algorithm/moments.hpp>
#include <matrass/algorithm/truncated_svd.hpp>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// Columns of the matrix are features, rows are samples (m of them).
template <Scalar T>
struct Pca {
  std::vector<T> mean;                            ///< of each column
  DistMatrix<T> components;                       ///< n x k in [STAR,STAR]: column i is component i
  std::vector<Real<T>> explained_variance;        ///< s_i^2 / (m - 1)
  std::vector<Real<T>> explained_variance_ratio;  ///< of the sum of the variances of all columns
  std::vector<Real<T>> singular_values;           ///< of the centred matrix
  DistMatrix<T> scores;           ///< m x k in [VC,STAR]: the centred matrix times components
  std::vector<Real<T>> residual;  ///< as of truncated_svd, of the centred matrix
};

namespace detail {

/// Means of the columns of A, and the sum of their squared deviations.
template <Scalar T>
struct Centre {
  std::vector<T> mean{};     ///< all n of them, on every rank
  std::vector<T> of_rows{};  ///< for a transposed view: those of this rank's rows
  double total_squares = 0;  ///< in units of scale^2
  double scale = 1;          ///< a power of two

  /// Whether no square has overflowed or vanished.
  bool in_range() const { return total_squares > 1e-250 && total_squares < 1e300; }
};

/// The first row of the tall matrix, on every rank. Collective.
template <Scalar T>
std::vector<T> first_row(const TallView<T>& tall, const LocalRows<T>& a) {
  const mpi::Communicator& comm = tall.rows.grid().comm();
  int owner = 0;
  std::vector<T> row = mpi::throw_together(comm, [&] {
    const Distribution& d = tall.rows.distribution();
    owner = d.ranks_at(d.rows().owner(0), 0).front();
    std::vector<T> mine(static_cast<std::size_t>(a.n));
    if (comm.rank() == owner) {
      for (Index j = 0; j < a.n; ++j) mine[static_cast<std::size_t>(j)] = a.data[j * a.col_stride];
    }
    return mine;
  });
  mpi::broadcast<T>(comm, row, owner);
  return row;
}

/// Columns of a tall A. Collective; one pass.
template <Scalar T>
Centre<T> centre_of_columns(const TallView<T>& tall, const LocalRows<T>& a, double scale) {
  const mpi::Communicator& comm = tall.rows.grid().comm();
  const std::vector<T> reference = first_row(tall, a);
  Centre<T> centre{.scale = scale};
  DeviationSums<Wide<T>> sums = mpi::throw_together(comm, [&] {
    centre.mean.reserve(reference.size());
    return column_deviations(a, reference, 1 / scale);
  });
  mpi::allreduce(comm, std::span<Wide<T>>(sums.sum));
  mpi::allreduce(comm, std::span<double>(sums.squares));
  const auto m = static_cast<double>(tall.rows.shape().rows);
  for (std::size_t j = 0; j < reference.size(); ++j) {
    const Wide<T> shift = sums.sum[j] / m;
    centre.mean.push_back(static_cast<T>(static_cast<Wide<T>>(reference[j]) + shift));
    centre.total_squares += sums.squares[j] - m * std::norm(shift / scale);
  }
  return centre;
}

/// Columns of a wide A, which are rows of the tall view. Collective; one pass.
template <Scalar T>
Centre<T> centre_of_rows(const TallView<T>& tall, const LocalRows<T>& a, double scale) {
  const mpi::Communicator& comm = tall.rows.grid().comm();
  Centre<T> centre{.scale = scale};
  mpi::throw_together(comm, [&] {
    centre.mean = std::vector<T>(static_cast<std::size_t>(tall.rows.shape().rows));
    const DeviationSums<Wide<T>> sums = row_deviations(a, 1 / scale);
    const auto m = static_cast<double>(a.n);
    const std::vector<Index> rows = tall.rows.local_rows();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Wide<T> shift = sums.sum[i] / m;
      const auto first = static_cast<Wide<T>>(a.row(static_cast<Index>(i))[0]);
      centre.of_rows.push_back(static_cast<T>(first + shift));
      centre.mean[static_cast<std::size_t>(rows[i])] = centre.of_rows.back();
      centre.total_squares += sums.squares[i] - m * std::norm(shift / scale);
    }
  });
  mpi::allreduce(comm, std::span<T>(centre.mean));
  centre.total_squares = mpi::allreduce(comm, centre.total_squares);
  return centre;
}

/// Of the columns of A, whichever way the view is turned. Collective; one pass, and two more where
/// the squares of A's elements leave the range of doubles.
template <Scalar T>
Centre<T> centre_of(const TallView<T>& tall, const LocalRows<T>& a) {
  const auto with_scale = [&](double scale) {
    return tall.transposed ? centre_of_rows(tall, a, scale) : centre_of_columns(tall, a, scale);
  };
  Centre<T> centre = with_scale(1);
  if (centre.in_range()) return centre;
  const double largest = mpi::allreduce(tall.rows.grid().comm(), extremes(a).largest, MPI_MAX);
  if (largest == 0) return centre;
  constexpr int most = 1000;
  return with_scale(power_of_two(largest, most));
}

/// From the triplets of the centred matrix, which has m rows. Collective.
template <Scalar T>
Pca<T> pca_from(TruncatedSvd<T> svd, Centre<T> centre, Index m) {
  Pca<T> result = mpi::throw_together(svd.u.grid().comm(), [&] {
    Pca<T> r{std::move(centre.mean), svd.v, {}, {}, svd.s, svd.u, std::move(svd.residual)};
    for (const Real<T> s : svd.s) {
      const auto value = static_cast<double>(s);
      r.explained_variance.push_back(
          static_cast<Real<T>>(value * value / static_cast<double>(m - 1)));
      const double scaled = value / centre.scale;
      r.explained_variance_ratio.push_back(static_cast<Real<T>>(
          centre.total_squares > 0 ? scaled * scaled / centre.total_squares : 0));
    }
    return r;
  });
  const LocalPart<T>& scores = result.scores.part();
  for (Index j = 0; j < scores.shape.cols; ++j) {
    for (Index i = 0; i < scores.shape.rows; ++i) {
      scores(i, j) *= svd.s[static_cast<std::size_t>(j)];
    }
  }
  return result;
}

inline void require_samples(Index m) {
  if (m < 2) throw InvalidArgument("pca: A must have at least 2 rows: got " + std::to_string(m));
}

template <Scalar T>
Pca<T> pca_of(const DistMatrix<T>& a, Index k, const SvdOptions& options) {
  require_rank(a, k, options, "pca");
  mpi::throw_together(a.grid().comm(), [&] { require_samples(a.shape().rows); });
  const TallView<T> tall = tall_view(a);
  LocalRows<T> rows = tall.local();
  Centre<T> centre = centre_of(tall, rows);
  (tall.transposed ? rows.row_shift : rows.col_shift) =
      tall.transposed ? centre.of_rows.data() : centre.mean.data();
  TruncatedSvd<T> svd = svd_of_rows<T>(tall, rows, k, options, "pca");
  return pca_from(std::move(svd), std::move(centre), a.shape().rows);
}

}  // namespace detail

/// The k leading principal components of the rows of `a`.
///
/// Shapes: a m x n in any layout, m >= 2 samples of n features. The numbers of scikit-learn's PCA
/// (which has the components as rows), with the signs of truncated_svd.
///
/// The means are taken off while panels of A are read: `a` is not changed and not copied, and no
/// digits are lost where means are much larger than deviations, but for those that the elements of
/// `a` do not have.
///
/// Collective over a's grid. Cost: one pass for the means, then as truncated_svd, of which see the
/// rest.
///
/// @throws InvalidArgument on all ranks: k out of range, m < 2, NaN or infinity in `a`.
template <DistMatrixLike A>
Pca<typename A::value_type> pca(const A& a, Index k, const SvdOptions& options = {}) {
  return detail::pca_of(to_dynamic(a), k, options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T) \
  extern template Pca<T> detail::pca_of<T>(const DistMatrix<T>&, Index, const SvdOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
