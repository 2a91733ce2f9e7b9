// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR of a tall matrix without a column of global traffic: rows in blocks, then a tree over ranks.
/// Next: algorithm/krylov_basis.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/local_rows.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/collectives.hpp>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace matrass::detail {

/// Blocking point-to-point transfers of any size on the private communicator.
template <class T>
void send(const mpi::Communicator& comm, std::span<const T> values, int to) {
  mpi::detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
    mpi::check(MPI_Send(values.data() + at, count, mpi::datatype<T>(), to, 0, comm.own()),
               "MPI_Send");
  });
}

template <class T>
void receive(const mpi::Communicator& comm, std::span<T> values, int from) {
  mpi::detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
    mpi::check(MPI_Recv(values.data() + at, count, mpi::datatype<T>(), from, 0, comm.own(),
                        MPI_STATUS_IGNORE),
               "MPI_Recv");
  });
}

/// Householder QR of a stack [upper; lower] of any number of rows: the reflectors are kept, R is
/// trapezoidal with min(rows, n) rows.
template <Scalar T>
class QrNode {
 public:
  QrNode() = default;
  QrNode(Index upper_rows, Small<T> stack)
      : upper_(upper_rows),
        v_(std::move(stack)),
        block_(static_cast<int>(std::min<Index>(32, rank()))) {
    if (rank() == 0) return;
    t_ = Small<T>(block_, rank());
    std::vector<T> work(static_cast<std::size_t>(block_ * v_.cols));
    geqrt(narrow(v_.rows, "QR: rows"), narrow(v_.cols, "QR: columns"), block_, v_.data.data(),
          v_.ld(), t_.data.data(), t_.ld(), work.data());
  }

  /// Rows of R, and of the lower matrix of the stack.
  Index rank() const { return std::min(v_.rows, v_.cols); }
  Index lower_rows() const { return v_.rows - upper_; }

  Small<T> r() const {
    Small<T> result(rank(), v_.cols);
    for (Index j = 0; j < v_.cols; ++j) {
      std::copy(v_.col(j), v_.col(j) + std::min(j + 1, rank()), result.col(j));
    }
    return result;
  }

  /// Q [x; 0], parted into the rows of the upper and of the lower matrix of the stack.
  std::pair<Small<T>, Small<T>> apply(const Small<T>& x) const {
    Small<T> c(v_.rows, x.cols);
    for (Index j = 0; j < x.cols; ++j) std::copy(x.col(j), x.col(j) + x.rows, c.col(j));
    if (rank() > 0 && x.cols > 0) {
      std::vector<T> work(static_cast<std::size_t>(block_ * x.cols));
      gemqrt(static_cast<int>(v_.rows), narrow(x.cols, "QR: columns"), static_cast<int>(rank()),
             block_, v_.data.data(), v_.ld(), t_.data.data(), t_.ld(), c.data.data(), c.ld(),
             work.data());
    }
    return split(c, upper_);
  }

  static std::pair<Small<T>, Small<T>> split(const Small<T>& c, Index at) {
    std::pair<Small<T>, Small<T>> parts{Small<T>(at, c.cols), Small<T>(c.rows - at, c.cols)};
    for (Index j = 0; j < c.cols; ++j) {
      std::copy(c.col(j), c.col(j) + at, parts.first.col(j));
      std::copy(c.col(j) + at, c.col(j) + c.rows, parts.second.col(j));
    }
    return parts;
  }

 private:
  Index upper_ = 0;
  Small<T> v_;
  int block_ = 1;
  Small<T> t_;
};

/// QR of a tall matrix whose rows are dealt to the ranks (any number of rows on any rank, any rank
/// of the matrix): Q is orthonormal to rounding always. Q stays as reflectors in a tree.
///
/// Collective over `comm`. Cost: about 2.5 m_local n^2 flops (one small QR for each block of rows),
/// log2(p) messages of n^2 / 2..n^2 numbers; memory of a copy of the local rows if Q is kept.
/// Source: Demmel, Grigori, Hoemmen, Langou, "Communication-optimal parallel and sequential QR".
template <Scalar T>
class Tsqr {
 public:
  /// @param keep_q whether apply() will be called
  /// @param scale a power of two that A is divided by
  template <class Rows = LocalRows<T>>  // or others that copy_rows() knows
  Tsqr(const Rows& a, const mpi::Communicator& comm, bool keep_q, double scale = 1)
      : Tsqr(
            comm, a.m, a.n, keep_q,
            [&a](Index begin, Index rows, T* out, Index ld) {
              copy_rows(a, begin, rows, out, 1, ld);
            },
            scale) {}

  /// Of a matrix whose local rows [begin, begin + rows) are copied by `copy(begin, rows, out, ld)`
  /// to out[i + j * ld]: of another scalar, or put together from several.
  template <class Copy>
  Tsqr(const mpi::Communicator& comm, Index m, Index n, bool keep_q, Copy&& copy, double scale = 1)
      : comm_(comm), n_(n), keep_q_(keep_q) {
    Small<T> inbox;
    mpi::throw_together(comm_, [&] {
      factor_local(m, copy, static_cast<Real<T>>(1 / scale));
      inbox = Small<T>(n_, n_);
    });
    mpi::Attempts attempt;
    factor_tree(inbox, attempt);
    attempt.agree(comm_);
  }

  /// R with min(m, n) rows on rank 0, empty elsewhere.
  const Small<T>& r() const { return r_; }

  /// This rank's rows of Q [x; 0].
  /// @param x on rank 0, with as many rows as R @param cols of x, the same on every rank
  /// Collective. out(i, j) is out[i + j * ld].
  void apply(const Small<T>& x, Index cols, T* out, Index ld) const {
    Small<T> mine;
    Small<T> lower;
    Small<T> spare;  // sent where there is no `lower`
    mpi::throw_together(comm_, [&] {
      mine = comm_.rank() == 0 ? x : Small<T>(sent_rows_, cols);
      if (!links_.empty()) spare = Small<T>(n_, cols);
    });
    if (comm_.rank() != 0) receive<T>(comm_, mine.data, above_);
    mpi::Attempts attempt;
    for (auto link = links_.rbegin(); link != links_.rend(); ++link) {
      attempt([&] { std::tie(mine, lower) = link->node.apply(mine); });
      const std::span<const T> sent(attempt.failed() ? spare.data : lower.data);
      const auto count = static_cast<std::size_t>(link->node.lower_rows() * cols);
      send<T>(comm_, sent.first(count), link->partner);
    }
    attempt([&] { apply_local(std::move(mine), cols, out, ld); });
    attempt.agree(comm_);
  }

 private:
  struct Link {
    int partner;
    QrNode<T> node;
  };

  /// R on top of a block of b rows adds n / b to its work: four times n rows at least, and twenty
  /// times where these still fit the cache.
  Index block_rows() const {
    return std::max({4 * n_, std::min<Index>(20 * n_, 2000), Index{512}});
  }

  template <class Copy>
  void factor_local(Index m, Copy&& copy, Real<T> factor) {
    r_ = Small<T>(0, n_);
    for (Index begin = 0; begin < m; begin += block_rows()) {
      const Index rows = std::min(block_rows(), m - begin);
      Small<T> stack(r_.rows + rows, n_);
      for (Index j = 0; j < n_; ++j) std::copy(r_.col(j), r_.col(j) + r_.rows, stack.col(j));
      copy(begin, rows, stack.data.data() + r_.rows, stack.rows);
      for (Index j = 0; factor != 1 && j < n_; ++j) {
        std::for_each(stack.col(j) + r_.rows, stack.col(j) + stack.rows,
                      [&](T& x) { x *= factor; });
      }
      QrNode<T> node(r_.rows, std::move(stack));
      r_ = node.r();
      if (keep_q_) blocks_.push_back(std::move(node));
    }
  }

  /// The blocks of this rank's rows, from the last to the first.
  void apply_local(Small<T> x, Index cols, T* out, Index ld) const {
    for (Index b = static_cast<Index>(blocks_.size()) - 1; b >= 0; --b) {
      auto [upper, lower] = blocks_[static_cast<std::size_t>(b)].apply(x);
      const Index begin = b * block_rows();
      for (Index j = 0; j < cols; ++j) {
        std::copy(lower.col(j), lower.col(j) + lower.rows, out + begin + j * ld);
      }
      x = std::move(upper);
    }
  }

  /// @param inbox room for a partner's R
  void factor_tree(Small<T>& inbox, mpi::Attempts& attempt) {
    for (int step = 1; step < comm_.size(); step *= 2) {
      if (comm_.rank() % (2 * step) == step) {
        above_ = comm_.rank() - step;
        sent_rows_ = r_.rows;
        const Index rows = r_.rows;
        send<Index>(comm_, {&rows, 1}, above_);
        send<T>(comm_, r_.data, above_);
        r_ = Small<T>(0, n_);
        return;
      }
      const int partner = comm_.rank() + step;
      if (partner >= comm_.size()) continue;
      Index rows = 0;
      receive<Index>(comm_, {&rows, 1}, partner);
      inbox.rows = rows;
      receive<T>(comm_, std::span<T>(inbox.data).first(static_cast<std::size_t>(rows * n_)),
                 partner);
      attempt([&] { merge(inbox, partner); });
    }
  }

  void merge(const Small<T>& other, int partner) {
    Small<T> stack(r_.rows + other.rows, n_);
    for (Index j = 0; j < n_; ++j) {
      std::copy(r_.col(j), r_.col(j) + r_.rows, stack.col(j));
      std::copy(other.col(j), other.col(j) + other.rows, stack.col(j) + r_.rows);
    }
    QrNode<T> node(r_.rows, std::move(stack));
    r_ = node.r();
    if (keep_q_) links_.push_back({partner, std::move(node)});
  }

  mpi::Communicator comm_;
  Index n_;
  bool keep_q_;
  std::vector<QrNode<T>> blocks_;
  std::vector<Link> links_;
  Small<T> r_;
  int above_ = -1;
  Index sent_rows_ = 0;
};

}  // namespace matrass::detail
