// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// SvdRun's end: U, S, V and measured residuals; and the direct method. Included by svd_run.hpp.
/// Next: algorithm/truncated_svd.hpp
#pragma once

#include <matrass/algorithm/svd_run.hpp>
#include <matrass/core/shown.hpp>

namespace matrass::detail {

/// The left projection on the first Ritz vectors. Collective.
///
/// U~ = Y g is made orthonormal by the Cholesky factor K of its Gram matrix (by TSQR where that is
/// nearly singular, or where singular values are zero and random columns complete U). Then A^H U~
/// K^-1, whose coordinates in Q are known, has the small SVD D S C^H: V = Q D, U = U~ K^-1 C.
/// @returns whether the residuals are small enough
template <Scalar T, TallRows<T> Rows>
bool SvdRun<T, Rows>::finish() {
  Index extent[3] = {0, 0, 0};  // rows and columns of g, columns of Q
  if (root()) {
    const double zero = limits().drop * (ritz_.s.empty() ? 0 : ritz_.s.front());
    Index rank = 0;
    while (rank < std::min<Index>(k_, ritz_.g.cols) &&
           ritz_.s[static_cast<std::size_t>(rank)] > zero) {
      ++rank;
    }
    extent[0] = ritz_.g.rows;
    extent[1] = rank;
    extent[2] = basis_.cols();
  }
  mpi::broadcast<Index>(comm_, extent, 0);
  const Index rank = extent[1];
  mpi::throw_together(comm_, [&] {
    ritz_.g = root() ? ritz_.g.columns(0, rank) : Small<N>(extent[0], rank);
    d_ = Small<N>(extent[2], k_);
  });
  mpi::broadcast<N>(comm_, ritz_.g.span(), 0);
  Small<N> gram = mpi::throw_together(comm_, [&] { return combine_blocks(y_, ritz_.g, u_); });
  sum_on_root(gram.span());

  Small<N> more;  // coordinates of random vectors that complete V
  mpi::throw_together(comm_, [&] {
    if (holds() && rank < k_) more = side_.inner(basis_.q(), completing_vectors(k_ - rank));
  });
  Index well_conditioned = 0;
  if (root() && rank == k_) {
    well_conditioned = potrf('U', static_cast<int>(rank), gram.data.data(), gram.ld()) == 0 ? 1 : 0;
    for (Index j = 0; j < rank; ++j) well_conditioned &= std::real(gram(j, j)) > 0.1 ? 1 : 0;
  }
  mpi::broadcast<Index>(comm_, {&well_conditioned, 1}, 0);
  Small<N> rotation;
  if (well_conditioned != 0) {
    rotation = mpi::throw_together(comm_, [&] {
      Small<N> turn(k_, k_);
      if (!root()) return turn;
      turn = ritz_rotation(gram, rank, more);
      trsm('L', 'U', 'N', 'N', static_cast<int>(k_), static_cast<int>(k_), gram.data.data(),
           gram.ld(), turn.data.data(), turn.ld());
      return turn;
    });
    mpi::broadcast<N>(comm_, rotation.span(), 0);
  } else {
    for (Index j = rank; j < k_; ++j) {
      for (Index i = 0; i < u_.rows; ++i) {
        u_.data[i + j * u_.ld] =
            static_cast<T>(counter_normal_of<N>(mix(options_.seed + 1), row_index_(i), j));
      }
    }
    orthonormalize(u_, k_, comm_, [&](const Small<N>& r) { return ritz_rotation(r, rank, more); });
  }
  right_vectors(rotation);
  measure(rotation);
  const double most = *std::max_element(result_.residual.begin(), result_.residual.end());
  return most <= 1.5 * tol_ * result_.s.front();
}

/// Random vectors in the place of right singular vectors that A maps to zero.
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::completing_vectors(Index count) const -> Small<N> {
  Small<N> x(side_.rows(), count);
  for (Index j = 0; j < count; ++j) {
    for (Index i = 0; i < x.rows; ++i) {
      x(i, j) = counter_normal_of<N>(mix(options_.seed + 2), side_.first() + i, j);
    }
  }
  return x;
}

/// Rank 0: S and D from the triangular factor of U~ (its first `rank` columns).
/// @param more the coordinates of completing vectors
/// @returns the k x k matrix that turns the orthonormalised columns into U
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::ritz_rotation(const Small<N>& triangle, Index rank, const Small<N>& more)
    -> Small<N> {
  Small<N> image = basis_.image(ritz_.g);
  if (rank > 0) {
    trsm('R', 'U', 'N', 'N', narrow(image.rows, "truncated_svd: basis"), static_cast<int>(rank),
         triangle.data.data(), triangle.ld(), image.data.data(), image.ld());
  }
  const SmallSvd<N> svd = gesdd(image);
  d_ = svd.u;
  append_orthonormal(d_, more);
  result_.s = svd.s;
  result_.s.resize(static_cast<std::size_t>(k_), 0.0);
  Small<N> rotation(k_, k_);
  for (Index j = 0; j < k_; ++j) {
    if (j < rank) {
      for (Index i = 0; i < rank; ++i) rotation(i, j) = conjugate(svd.vh(j, i));
    } else {
      const double size = std::abs(triangle(j, j));
      rotation(j, j) = size > 0 ? triangle(j, j) / size : N{1};
    }
  }
  return rotation;
}

/// V = Q D on every rank, with its signs fixed there, in D, and in U by `rotation` or, where U has
/// been turned, itself. Collective.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::right_vectors(Small<N>& rotation) {
  broadcast_small(comm_, d_);
  Small<N> mine = mpi::throw_together(
      comm_, [&] { return holds() ? multiply('N', basis_.q(), 'N', d_) : Small<N>(); });
  if (side_.is_dealt()) {
    result_.v = side_.gathered(mine);
  } else {
    result_.v = std::move(mine);
    broadcast_small(comm_, result_.v);
  }
  for (Index j = 0; j < k_; ++j) {
    const N phase = leading_phase(result_.v, j);
    scale_column(result_.v, j, phase);
    scale_column(d_, j, phase);
    if (rotation.cols > 0) {
      scale_column(rotation, j, phase);
    } else {
      for (Index i = 0; i < u_.rows; ++i) u_.data[i + j * u_.ld] *= static_cast<T>(phase);
    }
  }
}

/// Turns U, tells all ranks S, and measures the residuals from A V = Y D. Collective.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::measure(const Small<N>& rotation) {
  mpi::throw_together(comm_, [&] {
    result_.s.resize(static_cast<std::size_t>(k_));
    result_.residual.assign(static_cast<std::size_t>(k_), 0);
  });
  mpi::broadcast<double>(comm_, result_.s, 0);
  ResidualSums sums = mpi::throw_together(
      comm_, [&] { return rotate_and_measure(y_, d_, rotation, result_.s, u_); });
  mpi::allreduce(comm_, std::span<double>(sums.squares));
  mpi::allreduce(comm_, std::span<double>(sums.quotients));
  for (std::size_t i = 0; i < sums.squares.size(); ++i) {
    // s = Re(u^H A v) has the smallest residual; the order stays.
    double better = std::max(sums.quotients[i], 0.0);
    if (i > 0) better = std::min(better, result_.s[i - 1]);
    const double change = sums.quotients[i] - result_.s[i];
    const double rest = better - sums.quotients[i];
    const double square = sums.squares[i] - change * change + rest * rest;
    result_.s[i] = better;
    result_.residual[i] = std::sqrt(std::max(square, 0.0));
  }
  // One rank's numbers count: all must take the same way from here.
  mpi::broadcast<double>(comm_, result_.s, 0);
  mpi::broadcast<double>(comm_, result_.residual, 0);
}

/// V from the SVD of R of A = QR, then the right projection. Backward stable for every singular
/// value. Collective. Cost: about 2.5 m_local n^2 flops, two passes over A.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::direct(double residual) {
  mpi::throw_together(comm_, [&] {
    if (allows_direct(a_)) return;
    throw Error(name_ + ": residuals must fall below tol = " + shown(tol_) + ": got " +
                shown(residual) + " after " + std::to_string(result_.passes) +
                " passes over A (pass a larger tol, or another k)");
  });
  result_.direct = true;
  const Tsqr<T> qr(a_, comm_, false, scale_);
  ++result_.passes;
  next_ = from_root(mpi::throw_together(comm_, [&] {
    if (!root()) return Small<N>();
    return adjoint_of_rows(gesdd(small_as<N>(qr.r())).vh, k_);
  }));
  finish_right();
}

/// The right projection on the columns of V in next_: A V = P R', U and V from the SVD of R'. Then
/// A v = s u to rounding, and A^H u - s v is as small as V is good. Collective; one pass over A.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::finish_right() {
  y_.clear();
  pass(Pass::forward, k_);
  Small<N> v;
  mpi::throw_together(comm_, [&] {
    v = whole();
    d_ = Small<N>(k_, k_);
    Small<N> all(k_, k_);
    for (Index j = 0; j < k_; ++j) all(j, j) = N{1};
    combine_blocks(y_, all, u_);
  });
  orthonormalize(u_, k_, comm_, [&](const Small<N>& triangle) {
    SmallSvd<N> svd = gesdd(triangle);
    d_ = adjoint_of_rows(svd.vh, k_);
    result_.s = svd.s;
    result_.v = multiply('N', v, 'N', d_);
    for (Index j = 0; j < k_; ++j) {
      const N phase = leading_phase(result_.v, j);
      scale_column(result_.v, j, phase);
      scale_column(d_, j, phase);
      scale_column(svd.u, j, phase);
    }
    return svd.u;
  });
  broadcast_small(comm_, d_);
  broadcast_small(comm_, result_.v);
  measure({});
}

/// Replaces the residuals by ||A^H u_i - s_i v_i||, measured. Collective; one pass over A.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::measure_adjoint() {
  y_.clear();
  mpi::throw_together(comm_, [&] {
    newest_ = y_.add(k_);
    for (Index i = 0; i < u_.rows; ++i) {
      for (Index j = 0; j < newest_.padded; ++j) {
        newest_.data[i * newest_.ld + j] = j < k_ ? u_.data[i + j * u_.ld] : T{0};
      }
    }
  });
  adjoint_of_newest();
  for (Index j = 0; j < k_; ++j) {
    double& square = result_.residual[static_cast<std::size_t>(j)];
    square = 0;
    const double s = result_.s[static_cast<std::size_t>(j)];
    for (Index i = 0; i < side_.rows() && holds(); ++i) {
      square += std::norm(w_(i, j) - s * result_.v(side_.first() + i, j));
    }
  }
  mpi::allreduce(comm_, std::span<double>(result_.residual));
  for (double& r : result_.residual) r = std::sqrt(r);
  mpi::broadcast<double>(comm_, result_.residual, 0);
}

}  // namespace matrass::detail
