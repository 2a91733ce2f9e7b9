// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR of a tall matrix without a column of global traffic: rows in blocks, then a tree over ranks.
/// Next: algorithm/krylov.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/local_rows.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/collectives.hpp>
#include <span>
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

  /// Rows of R.
  Index rank() const { return std::min(v_.rows, v_.cols); }

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
  Tsqr(const LocalRows<T>& a, const mpi::Communicator& comm, bool keep_q)
      : comm_(comm), n_(a.n), keep_q_(keep_q) {
    mpi::throw_together(comm_, [&] { factor_local(a); });
    factor_tree();
  }

  /// R with min(m, n) rows on rank 0, empty elsewhere.
  const Small<T>& r() const { return r_; }

  /// This rank's rows of Q [x; 0].
  /// @param x on rank 0, with as many rows as R @param cols of x, the same on every rank
  /// Collective. out(i, j) is out[i + j * ld].
  void apply(const Small<T>& x, Index cols, T* out, Index ld) const {
    Small<T> mine = receive_from_above(x, cols);
    for (auto link = links_.rbegin(); link != links_.rend(); ++link) {
      auto [upper, lower] = link->node.apply(mine);
      send<T>(comm_, lower.data, link->partner);
      mine = std::move(upper);
    }
    for (Index b = static_cast<Index>(blocks_.size()) - 1; b >= 0; --b) {
      auto [upper, lower] = blocks_[static_cast<std::size_t>(b)].apply(mine);
      const Index begin = b * block_rows();
      for (Index j = 0; j < cols; ++j) {
        std::copy(lower.col(j), lower.col(j) + lower.rows, out + begin + j * ld);
      }
      mine = std::move(upper);
    }
  }

 private:
  struct Link {
    int partner;
    QrNode<T> node;
  };

  /// Blocks of four times n rows: R on top of a block adds a quarter to its work.
  Index block_rows() const { return std::max<Index>(4 * n_, 512); }

  void factor_local(const LocalRows<T>& a) {
    r_ = Small<T>(0, n_);
    for (Index begin = 0; begin < a.m; begin += block_rows()) {
      const Index rows = std::min(block_rows(), a.m - begin);
      Small<T> stack(r_.rows + rows, n_);
      for (Index j = 0; j < n_; ++j) std::copy(r_.col(j), r_.col(j) + r_.rows, stack.col(j));
      copy_rows(a, begin, rows, stack.data.data() + r_.rows, 1, stack.rows);
      QrNode<T> node(r_.rows, std::move(stack));
      r_ = node.r();
      if (keep_q_) blocks_.push_back(std::move(node));
    }
  }

  void factor_tree() {
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
      if (comm_.rank() + step < comm_.size()) merge(comm_.rank() + step);
    }
  }

  void merge(int partner) {
    Index rows = 0;
    receive<Index>(comm_, {&rows, 1}, partner);
    Small<T> other(rows, n_);
    receive<T>(comm_, other.data, partner);
    Small<T> stack(r_.rows + rows, n_);
    for (Index j = 0; j < n_; ++j) {
      std::copy(r_.col(j), r_.col(j) + r_.rows, stack.col(j));
      std::copy(other.col(j), other.col(j) + rows, stack.col(j) + r_.rows);
    }
    QrNode<T> node(r_.rows, std::move(stack));
    r_ = node.r();
    if (keep_q_) links_.push_back({partner, std::move(node)});
  }

  Small<T> receive_from_above(const Small<T>& x, Index cols) const {
    if (comm_.rank() == 0) return x;
    Small<T> mine(sent_rows_, cols);
    receive<T>(comm_, mine.data, above_);
    return mine;
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
