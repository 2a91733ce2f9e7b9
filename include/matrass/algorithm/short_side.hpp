// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Where the long vectors of a Krylov iteration's short side are: on one rank, or dealt by rows.
/// Next: algorithm/krylov_basis.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/lapack.hpp>
#include <matrass/algorithm/tsqr.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/collectives.hpp>
#include <optional>
#include <span>
#include <vector>

namespace matrass::detail {

/// n x b matrices ("short" beside A's rows) of which a rank has all rows, alone; or its share of
/// contiguous rows, where n is so large that working on them on one rank would hold up the others.
/// Then the functions are collective, and give the same bits on every rank.
class ShortSide {
 public:
  /// All rows, here. No MPI.
  explicit ShortSide(Index n) : n_(n), rows_(n) {}

  /// Dealt over the ranks of `comm`.
  ShortSide(Index n, const mpi::Communicator& comm)
      : n_(n), share_(ceil_div(n, comm.size())), comm_(comm) {
    first_ = std::min(n, comm.rank() * share_);
    rows_ = std::min(share_, n - first_);
  }

  bool is_dealt() const { return comm_.has_value(); }
  Index extent() const { return n_; }
  /// Rows of this rank, and the first of them.
  Index rows() const { return rows_; }
  Index first() const { return first_; }

  /// a^H b, summed over ranks.
  template <class N>
  Small<N> inner(const Small<N>& a, const Small<N>& b) const {
    if (!comm_) return multiply('C', a, 'N', b);
    Small<N> product = mpi::throw_together(*comm_, [&] { return multiply('C', a, 'N', b); });
    sum<N>(product.span());
    return product;
  }

  /// The norm of each column. Squares neither overflow nor vanish before the norm does.
  template <class N>
  std::vector<double> norms(const Small<N>& x) const {
    const auto for_columns = [&](auto&& f) {
      std::vector<double> values(static_cast<std::size_t>(x.cols));
      for (Index j = 0; j < x.cols; ++j) {
        for (Index i = 0; i < x.rows; ++i) f(values[static_cast<std::size_t>(j)], x(i, j), j);
      }
      return values;
    };
    const auto largest_of = [](double& most, const N& value, Index) {
      most = std::max(most, std::abs(value));
    };
    std::vector<double> largest =
        comm_ ? mpi::throw_together(*comm_, [&] { return for_columns(largest_of); })
              : for_columns(largest_of);
    if (comm_) mpi::allreduce(*comm_, std::span<double>(largest), MPI_MAX);
    const auto add_square = [&](double& sum, const N& value, Index j) {
      const double unit = largest[static_cast<std::size_t>(j)];
      if (unit > 0) sum += std::norm(value / unit);
    };
    std::vector<double> norms =
        comm_ ? mpi::throw_together(*comm_, [&] { return for_columns(add_square); })
              : for_columns(add_square);
    if (comm_) sum<double>(norms);
    for (std::size_t j = 0; j < norms.size(); ++j) norms[j] = largest[j] * std::sqrt(norms[j]);
    return norms;
  }

  /// An orthonormal basis of the columns of x that are larger than `threshold`; x is destroyed.
  template <class N>
  Small<N> range(Small<N>& x, double threshold) const {
    if (!comm_) return orthonormal_range(x, threshold);
    const Tsqr<N> qr(LocalRows<N>{x.rows, x.cols, x.data.data(), 1, std::max<Index>(1, x.rows)},
                     *comm_, true);
    Small<N> turn = mpi::throw_together(*comm_, [&] {
      Small<N> r = qr.r();
      return comm_->rank() == 0 ? orthonormal_range(r, threshold) : Small<N>();
    });
    Index rank = turn.cols;
    mpi::broadcast<Index>(*comm_, {&rank, 1}, 0);
    Small<N> q = mpi::throw_together(*comm_, [&] { return Small<N>(rows_, rank); });
    if (rank > 0) qr.apply(turn, rank, q.data.data(), q.ld());
    return q;
  }

  /// All rows of a dealt matrix, on every rank.
  template <class N>
  Small<N> gathered(const Small<N>& mine) const {
    std::vector<int> counts;
    std::vector<int> starts;
    Small<N> all = mpi::throw_together(*comm_, [&] {
      parts(counts, starts);
      return Small<N>(n_, mine.cols);
    });
    for (Index j = 0; j < all.cols; ++j) {
      mpi::check(
          MPI_Allgatherv(mine.col(j), static_cast<int>(rows_), mpi::datatype<N>(), all.col(j),
                         counts.data(), starts.data(), mpi::datatype<N>(), comm_->own()),
          "MPI_Allgatherv");
    }
    return all;
  }

  /// This rank's rows of the sum of all ranks' matrices.
  template <class N>
  Small<N> summed(const Small<N>& all) const {
    std::vector<int> counts;
    std::vector<int> starts;
    Small<N> mine = mpi::throw_together(*comm_, [&] {
      parts(counts, starts);
      return Small<N>(rows_, all.cols);
    });
    for (Index j = 0; j < all.cols; ++j) {
      mpi::check(MPI_Reduce_scatter(all.col(j), mine.col(j), counts.data(), mpi::datatype<N>(),
                                    MPI_SUM, comm_->own()),
                 "MPI_Reduce_scatter");
    }
    return mine;
  }

  /// This rank's rows of a matrix that it has as a whole. Local.
  template <class N>
  Small<N> mine_of(const Small<N>& all) const {
    Small<N> mine(rows_, all.cols);
    for (Index j = 0; j < all.cols; ++j) {
      std::copy_n(all.col(j) + first_, rows_, mine.col(j));
    }
    return mine;
  }

 private:
  /// By reduction to one rank: its bits count.
  template <class N>
  void sum(std::span<N> values) const {
    mpi::detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
      N* piece = values.data() + at;
      const void* source = comm_->rank() == 0 ? MPI_IN_PLACE : piece;
      mpi::check(MPI_Reduce(source, piece, count, mpi::datatype<N>(), MPI_SUM, 0, comm_->own()),
                 "MPI_Reduce");
    });
    mpi::broadcast<N>(*comm_, values, 0);
  }

  void parts(std::vector<int>& counts, std::vector<int>& starts) const {
    narrow(n_, "truncated_svd: columns");
    for (int rank = 0; rank < comm_->size(); ++rank) {
      const Index begin = std::min(n_, rank * share_);
      starts.push_back(static_cast<int>(begin));
      counts.push_back(static_cast<int>(std::min(share_, n_ - begin)));
    }
  }

  Index n_;
  Index share_ = 0;
  Index first_ = 0;
  Index rows_ = 0;
  std::optional<mpi::Communicator> comm_;
};

}  // namespace matrass::detail
