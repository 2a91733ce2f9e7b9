// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// k-means clustering of the rows of a matrix.
/// Next: algorithm/random_features.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/kmeans_init.hpp>
#include <matrass/algorithm/lloyd.hpp>
#include <matrass/core/shown.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace matrass {

enum class KMeansInit { plus_plus, parallel };

struct KMeansOptions {
  KMeansInit init = KMeansInit::plus_plus;
  /// First centres instead, center by center: k times n numbers, the same on every rank.
  std::optional<std::vector<double>> centers{};
  Index max_iter = 300;
  double tol = 1e-4;  ///< in units of the mean variance of the columns, of the squared shift
  std::uint64_t seed = 0;
  Index n_init = 1;  ///< runs with other random numbers; the one of the least inertia is returned
};

template <std::floating_point T>
struct KMeans {
  /// m x 1 in [VC,STAR]: the cluster of each row, 0 .. k - 1, as whole numbers.
  DistMatrix<double> labels;
  std::vector<double> centers;  ///< k times n, center by center
  double inertia = 0;           ///< sum of squared distances of rows from their centers
  Index iterations = 0;
  bool converged = false;
};

namespace detail {

/// @param bounds of the moduli in each column @throws InvalidArgument on all ranks
template <std::floating_point T>
void require_squares(const mpi::Communicator& comm, const std::vector<double>& bounds) {
  constexpr double most = std::same_as<T, float> ? 1e15 : 1e150;
  const double largest = *std::max_element(bounds.begin(), bounds.end());
  mpi::throw_together(comm, [&] {
    if (largest > most || (largest > 0 && largest < 1 / most)) {
      throw InvalidArgument(
          "kmeans: squares of A's elements must be in the range of numbers: got a largest one "
          "of " +
          shown(largest) + " (scale A)");
    }
  });
}

/// The rows with the columns' means taken off, rounded to T, while panels are read.
template <std::floating_point T>
class CentredRows {
 public:
  using Rows = KMeansRows<T>;

  /// Collective; three passes.
  explicit CentredRows(const DistMatrix<T>& dealt) : matrix_(dealt) {
    const TallView<T> view{dealt, false};
    LocalRows<T> local = view.local();
    const mpi::Communicator& comm = dealt.grid().comm();
    std::vector<Index> indices;
    mpi::throw_together(comm, [&] {
      indices = dealt.local_rows();
      rows_.emplace(local, indices, dealt.shape().rows, comm);
    });
    require_squares<T>(comm, rows_->column_bounds());
    find_means(rows_->column_bounds());
    local.col_shift = origin_.data();
    rows_.emplace(local, std::move(indices), dealt.shape().rows, comm);
    bounds_ = rows_->column_bounds();
    find_variance();
  }
  CentredRows(const CentredRows&) = delete;
  CentredRows& operator=(const CentredRows&) = delete;

  const KMeansRows<T>& rows() const { return *rows_; }
  const std::vector<T>& origin() const { return origin_; }
  /// Of the moduli in each column.
  const std::vector<double>& bounds() const { return bounds_; }
  /// The mean of the columns' variances.
  double variance() const { return variance_; }

 private:
  void find_means(const std::vector<double>& bounds) {
    const Index n = rows_->n();
    std::vector<double> sums = mpi::throw_together(rows_->comm(), [&] {
      std::vector<double> parts(static_cast<std::size_t>(2 * n));
      std::vector<SumBins> bins;
      bins.reserve(bounds.size());
      for (const double bound : bounds) bins.emplace_back(bound, rows_->m());
      origin_.resize(static_cast<std::size_t>(n));
      rows_->for_each_panel([&](const T* panel, Index, Index count) {
        for (Index j = 0; j < n; ++j) {
          const auto at = static_cast<std::size_t>(j);
          ExactSum sum{parts[2 * at], parts[2 * at + 1]};
          for (Index i = 0; i < count; ++i) {
            sum.add(static_cast<double>(panel[j * packed_rows + i]), bins[at]);
          }
          parts[2 * at] = sum.high;
          parts[2 * at + 1] = sum.low;
        }
      });
      return parts;
    });
    mpi::allreduce(rows_->comm(), std::span<double>(sums));
    for (std::size_t j = 0; j < origin_.size(); ++j) {
      origin_[j] =
          static_cast<T>((sums[2 * j] + sums[2 * j + 1]) / static_cast<double>(rows_->m()));
    }
  }

  void find_variance() {
    const ExactSum sum = mpi::throw_together(rows_->comm(), [&] {
      const std::vector<double> zero(origin_.size());
      const SumBins bins(distance_bound(bounds_), rows_->m());
      ExactSum mine;
      std::array<double, packed_rows> squares{};
      rows_->for_each_panel([&](const T* panel, Index, Index count) {
        cluster_kernel<T>().distances(panel, rows_->n(), zero.data(), squares.data());
        for (Index i = 0; i < count; ++i) mine.add(squares[static_cast<std::size_t>(i)], bins);
      });
      return mine;
    });
    variance_ = total(rows_->comm(), sum) /
                (static_cast<double>(rows_->m()) * static_cast<double>(rows_->n()));
  }

  DistMatrix<T> matrix_;
  std::optional<KMeansRows<T>> rows_;
  std::vector<T> origin_;
  std::vector<double> bounds_;
  double variance_ = 0;
};

inline std::uint64_t centers_hash(const std::optional<std::vector<double>>& centers) {
  if (!centers) return 0;
  const auto* bytes = reinterpret_cast<const char*>(centers->data());
  return mpi::Call("centers", std::string_view(bytes, centers->size() * sizeof(double))).hash();
}

/// Of a matrix of this shape. @throws InvalidArgument, ShapeError
inline void require_clusters(Shape shape, Index k, const KMeansOptions& o) {
  const auto require_that = [](bool good, const std::string& what) {
    if (!good) throw InvalidArgument("kmeans: " + what);
  };
  require_that(shape.cols >= 1, "A must have at least one column: got 0");
  require_that(k >= 1 && k <= shape.rows, "k must be between 1 and the number of rows, " +
                                              std::to_string(shape.rows) + ": got " +
                                              std::to_string(k));
  require_that(k < Index{1} << 31, "k must fit 31 bits: got " + std::to_string(k));
  require_that(o.max_iter >= 1, "max_iter must be at least 1: got " + std::to_string(o.max_iter));
  require_that(o.n_init >= 1, "n_init must be at least 1: got " + std::to_string(o.n_init));
  require_that(o.tol >= 0, "tol must not be negative: got " + shown(o.tol));
  if (!o.centers) return;
  if (static_cast<Index>(o.centers->size()) != k * shape.cols) {
    throw ShapeError("kmeans: init must have k times n numbers: got " +
                     std::to_string(o.centers->size()) + ", not " + std::to_string(k * shape.cols));
  }
  for (const double x : *o.centers) require_that(std::isfinite(x), "init must be finite");
}

/// First centres relative to the origin, n x k. Collective.
template <class Centred>
Small<double> first_centres(const Centred& centred, Index k, const KMeansOptions& o, Index run) {
  using Rows = typename Centred::Rows;
  const double bound = distance_bound(centred.bounds());
  const std::uint64_t seed = run == 0 ? o.seed : mix(o.seed + static_cast<std::uint64_t>(run));
  if (!o.centers && o.init == KMeansInit::plus_plus) {
    return PlusPlus<Rows>(centred.rows(), {}, seed, bound).run(k);
  }
  if (!o.centers) return ParallelInit<Rows>(centred.rows(), seed, bound).run(k);
  return mpi::throw_together(centred.rows().comm(), [&] {
    Small<double> centres(centred.rows().n(), k);
    centres.data = *o.centers;
    for (Index c = 0; c < k; ++c) {
      for (Index j = 0; j < centres.rows; ++j) {
        centres(j, c) -= static_cast<double>(centred.origin()[static_cast<std::size_t>(j)]);
      }
    }
    return centres;
  });
}

/// Of rows that lie where those of `dealt` do: a class with the rows, the origin that was taken off
/// them, the bounds of their columns and their variance. Collective.
template <std::floating_point T, class Centred>
KMeans<T> kmeans_of_rows(const Centred& centred, const ProcessGrid& grid, const Distribution& dealt,
                         Index k, const KMeansOptions& o) {
  const mpi::Communicator& comm = grid.comm();
  std::optional<LloydState> best;
  for (Index run = 0; run < (o.centers ? 1 : o.n_init); ++run) {
    Small<double> first = first_centres(centred, k, o, run);
    std::optional<Lloyd<typename Centred::Rows>> lloyd;
    mpi::throw_together(comm,
                        [&] { lloyd.emplace(centred.rows(), std::move(first), centred.bounds()); });
    LloydState found = lloyd->run(o.max_iter, o.tol * centred.variance());
    if (!best || found.inertia < best->inertia) best = std::move(found);
  }
  return mpi::throw_together(comm, [&] {
    KMeans<T> result{DistMatrix<double>::allocate(grid, beside(dealt, 1), false),
                     std::move(best->centres.data), best->inertia, best->iterations,
                     best->converged};
    for (std::size_t i = 0; i < best->labels.size(); ++i) {
      result.labels.part()(static_cast<Index>(i), 0) = best->labels[i];
    }
    const std::size_t n = centred.origin().size();
    for (std::size_t at = 0; at < result.centers.size(); ++at) {
      result.centers[at] += static_cast<double>(centred.origin()[at % n]);
    }
    return result;
  });
}

template <std::floating_point T>
KMeans<T> kmeans_of(const DistMatrix<T>& a, Index k, const KMeansOptions& o) {
  const mpi::Call call("kmeans", a.distribution(), k, o.init, centers_hash(o.centers), o.max_iter,
                       o.tol, o.seed, o.n_init);
  mpi::throw_together(a.grid().comm(), call, [&] { require_clusters(a.shape(), k, o); });
  require_finite(a, "kmeans", "A");
  const DistMatrix<T> dealt = a.layout() == VC_STAR ? a : redistribute(a, VC_STAR);
  return kmeans_of_rows<T>(CentredRows<T>(dealt), a.grid(), dealt.distribution(), k, o);
}

}  // namespace detail

/// Clusters the rows of `a` around k centers by Lloyd's iteration.
///
/// Shapes: a m x n, real, in any layout; rows are samples. The iteration, its end, what becomes of
/// empty clusters, and the inertia are those of scikit-learn's KMeans(algorithm="lloyd"): from the
/// same centers it takes the same steps, to rounding.
///
/// The result is the same, bit by bit, for any number of ranks, any grid and layout: sums are
/// exact, and random numbers belong to global row indices.
///
/// Collective over a's grid. Cost of an iteration: 2 m n k / p flops and one pass over A, one
/// allreduce of 2 k n doubles; of k-means++: 2 + log(k) times 3 m n k / p flops in k passes;
/// of k-means|| about 20 times m n k / p in 6 passes (for many clusters). Memory: 8 bytes a row for
/// labels, 3 + log(k) doubles a row in k-means++; a copy of A if it has to be redistributed.
///
/// @throws InvalidArgument on all ranks, before anything is done: k out of range, NaN or infinity;
///   ShapeError for first centers of another size.
///
/// Source: Lloyd (1982); Arthur and Vassilvitskii (2007); Bahmani et al. (2012).
template <DistMatrixLike A>
  requires std::floating_point<typename A::value_type>
KMeans<typename A::value_type> kmeans(const A& a, Index k, const KMeansOptions& options = {}) {
  return detail::kmeans_of(to_dynamic(a), k, options);
}

#ifdef MATRASS_LINKED
extern template KMeans<float> detail::kmeans_of<float>(const DistMatrix<float>&, Index,
                                                       const KMeansOptions&);
extern template KMeans<double> detail::kmeans_of<double>(const DistMatrix<double>&, Index,
                                                         const KMeansOptions&);
#endif

}  // namespace matrass
