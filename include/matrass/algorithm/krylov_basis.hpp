// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The short side of a block Krylov iteration for singular vectors: an orthonormal basis Q and
/// T = Q^H A^H A Q, from which Ritz triplets are read. On one rank, or Q's rows dealt to all.
/// Next: algorithm/svd_run.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/lapack.hpp>
#include <matrass/algorithm/short_side.hpp>
#include <numeric>
#include <optional>
#include <vector>

namespace matrass::detail {

/// Approximate singular triplets in the coordinates of a KrylovBasis: u = Y g, v = Q d.
template <class N>
struct Ritz {
  std::vector<double> s;      ///< all values that the basis has, descending
  Small<N> g;                 ///< columns for the first of them: combinations of the expanded Y
  Small<N> d;                 ///< and of Q
  std::vector<double> bound;  ///< estimates of ||A v - s u||, before A is applied to the newest Q
  double rounding = 0;        ///< bound of ||A^H u - s v|| by rounding in W
  bool truncated = false;     ///< nearly dependent columns of Y were left out
};

/// Smallest relative sizes that count.
struct KrylovLimits {
  double eps;   ///< unit roundoff of A's scalar
  double drop;  ///< relative to the largest singular value: less is taken for zero
};

/// With Y = A Q for the first `expanded()` columns of Q, and W = A^H Y: W lies in the span of Q up
/// to `drop`, so T = Q^H W holds all there is to know of A on these vectors.
///
/// Left projection: with P = orth(Y), A^H P = Q B^H, and the small SVD B = C S D^H gives u = P C,
/// v = Q D with A^H u = s v; A v - s u is not zero, and falls as the basis grows.
///
/// Where Q's rows are dealt, extend() and absorb() are collective; what is small is on every rank.
/// Source: Golub, Luk, Overton, "A block Lanczos method for computing the singular values ..."
/// (1981), here with full orthogonalisation of the short side (Simon and Zha, 2000).
template <class N>
class KrylovBasis {
 public:
  KrylovBasis(const ShortSide& side, KrylovLimits limits)
      : side_(side), limits_(limits), q_(side.rows(), 0) {}

  /// This rank's rows of Q.
  const Small<N>& q() const { return q_; }
  Index cols() const { return q_.cols; }
  Index expanded() const { return static_cast<Index>(t_.size()); }
  /// Estimate from below of the largest singular value.
  double norm() const { return norm_; }
  /// Whether A maps all vectors of the last absorbed block to zero.
  bool last_block_null() const { return last_block_null_; }

  /// Appends the part of `x` that is orthogonal to Q. @returns the new columns of Q
  Small<N> extend(Small<N> x) {
    const std::vector<double> norms = side_.norms(x);
    for (Index j = 0; j < x.cols; ++j) {
      scale_column(x, j, 1 / std::max(norms[static_cast<std::size_t>(j)], 1e-300));
    }
    project_out(x);
    return append(x, 0.01 * std::sqrt(limits_.eps));
  }

  /// Takes W = A^H A Q_j of the oldest columns of Q that are not expanded yet.
  /// @returns the new columns of Q, perhaps none
  Small<N> absorb(Small<N> w) {
    const Index first = expanded();
    const std::vector<double> before = side_.norms(w);
    Small<N> h = project_out(w);
    last_begin_ = first;
    last_block_null_ = true;
    Small<N> scaled = w;
    for (Index c = 0; c < w.cols; ++c) {
      t_.emplace_back(h.col(c), h.col(c) + h.rows);
      // ||y||^2 = q^H A^H A q
      y_norms_.push_back(std::sqrt(std::max(0.0, std::real(h(first + c, c)))));
      error_weights_.push_back(y_norms_.back());
      if (y_norms_.back() > 0) {
        norm_ = std::max(norm_, before[static_cast<std::size_t>(c)] / y_norms_.back());
      }
    }
    for (Index c = 0; c < w.cols; ++c) {
      const double y = y_norms_[static_cast<std::size_t>(first + c)];
      const bool null = y <= limits_.drop * norm_;
      last_block_null_ = last_block_null_ && null;
      // What is left of A^H (y / ||y||): in units of the singular values.
      scale_column(scaled, c, null ? 0 : 1 / y);
    }
    Small<N> fresh = append(scaled, limits_.drop * norm_);
    const Small<N> below = side_.inner(fresh, w);
    for (Index c = 0; c < w.cols; ++c) {
      auto& column = t_[static_cast<std::size_t>(first + c)];
      column.insert(column.end(), below.col(c), below.col(c) + below.rows);
    }
    return fresh;
  }

  /// The Ritz values of the expanded part, with vectors for the first `wanted` of them.
  Ritz<N> project(Index wanted) const {
    Ritz<N> ritz;
    double last_block_norm = 0;
    const Small<N> g0 = orthonormal_combinations(ritz.truncated, last_block_norm);
    const Small<N> z = multiply('N', t_dense(), 'N', g0);
    Small<N> c = right_vectors(z, ritz.s);
    wanted = std::min<Index>(wanted, static_cast<Index>(ritz.s.size()));
    c = c.columns(0, wanted);
    ritz.g = multiply('N', g0, 'N', c);
    ritz.d = multiply('N', z, 'N', c);
    for (Index i = 0; i < wanted; ++i) {
      const double s = ritz.s[static_cast<std::size_t>(i)];
      scale_column(ritz.d, i, s > 0 ? 1 / s : 0);
      double newest = 0;
      for (Index r = expanded(); r < cols(); ++r) newest += std::norm(ritz.d(r, i));
      ritz.bound.push_back(last_block_norm * std::sqrt(newest));
      double weight = 0;
      for (Index r = 0; r < expanded(); ++r) {
        weight += error_weights_[static_cast<std::size_t>(r)] * std::abs(ritz.g(r, i));
      }
      ritz.rounding = std::max(ritz.rounding, limits_.eps * norm_ * weight);
    }
    return ritz;
  }

  /// Coordinates in Q of W g = A^H (Y g).
  Small<N> image(const Small<N>& g) const { return multiply('N', t_dense(), 'N', g); }

  /// The right singular vectors of Y for its `keep` largest singular values, as combinations of its
  /// columns; nothing where these are nearly dependent.
  struct Kept {
    Small<N> c;             ///< expanded() x keep, orthonormal
    std::vector<double> s;  ///< norms of the columns of Y c, which are orthogonal
  };
  std::optional<Kept> leading_part(Index keep) const {
    ScaledGram scaled = scaled_gram();
    const Index size = scaled.gram.cols;
    if (size < keep || !factor(scaled.gram)) return std::nullopt;
    Small<N> r(size, size);  // Y's own triangular factor
    for (Index j = 0; j < size; ++j) {
      for (Index i = 0; i <= j; ++i) {
        r(i, j) = scaled.gram(i, j) * scaled.sizes[static_cast<std::size_t>(j)];
      }
    }
    const SmallSvd<N> svd = gesdd(std::move(r));
    Kept kept{Small<N>(expanded(), keep), {svd.s.begin(), svd.s.begin() + keep}};
    for (Index i = 0; i < keep; ++i) {
      for (Index j = 0; j < size; ++j) {
        kept.c(scaled.active[static_cast<std::size_t>(j)], i) = conjugate(svd.vh(i, j));
      }
    }
    return kept;
  }

  /// Thick restart: Q c, and the newest block, which is not expanded, are all that is left of Q.
  /// The caller replaces Y by Y c. T stays what it says: A^H (Y c) lies in the span of these up to
  /// rounding, as Q_e^H A^H A Q_e c = c s^2. Local.
  /// Source: Wu and Simon, "Thick-restart Lanczos method ..." (2000), for blocks of A^H A.
  void compress(const Kept& kept) {
    const Index old = expanded();
    const Small<N> t = t_dense();
    Small<N> below(cols() - old, old);
    for (Index j = 0; j < old; ++j) std::copy(t.col(j) + old, t.col(j) + t.rows, below.col(j));
    below = multiply('N', below, 'N', kept.c);
    Small<N> q = multiply('N', q_.columns(0, old), 'N', kept.c);
    q.append(q_.columns(old, cols()));
    q_ = std::move(q);
    t_.clear();
    std::vector<double> weights;
    for (Index i = 0; i < kept.c.cols; ++i) {
      const double s = kept.s[static_cast<std::size_t>(i)];
      std::vector<N> column(static_cast<std::size_t>(kept.c.cols));
      column[static_cast<std::size_t>(i)] = s * s;
      column.insert(column.end(), below.col(i), below.col(i) + below.rows);
      t_.push_back(std::move(column));
      double weight = 0;
      for (Index j = 0; j < old; ++j) {
        weight += error_weights_[static_cast<std::size_t>(j)] * std::abs(kept.c(j, i));
      }
      weights.push_back(weight);
    }
    y_norms_ = kept.s;
    error_weights_ = std::move(weights);
  }

 private:
  static void scale_column(Small<N>& x, Index j, double factor) {
    for (Index i = 0; i < x.rows; ++i) x(i, j) *= factor;
  }

  /// x -= Q Q^H x, twice. @returns Q^H x
  Small<N> project_out(Small<N>& x) const {
    Small<N> h = side_.inner(q_, x);
    subtract_product(x, q_, h);
    const Small<N> again = side_.inner(q_, x);
    subtract_product(x, q_, again);
    for (std::size_t i = 0; i < h.data.size(); ++i) h.data[i] += again.data[i];
    return h;
  }

  /// Appends an orthonormal basis of the columns of x (orthogonal to Q up to rounding) that are
  /// larger than `threshold`. After normalising, what is left of Q is taken out once more.
  Small<N> append(Small<N>& x, double threshold) {
    const Index room = side_.extent() - q_.cols;
    Small<N> fresh = side_.range(x, threshold);
    if (fresh.cols > room) fresh = fresh.columns(0, room);
    project_out(fresh);
    fresh = side_.range(fresh, 0.5);
    project_out(fresh);
    q_.append(fresh);
    return fresh;
  }

  /// T as a cols() x expanded() matrix.
  Small<N> t_dense() const {
    Small<N> t(cols(), expanded());
    for (Index j = 0; j < t.cols; ++j) {
      const auto& column = t_[static_cast<std::size_t>(j)];
      std::copy(column.begin(), column.end(), t.col(j));
    }
    return t;
  }

  /// Y^H Y with its diagonal scaled to one, of the columns of Y that are not zero.
  struct ScaledGram {
    std::vector<Index> active;  ///< these columns
    std::vector<double> sizes;  ///< and their norms
    Small<N> gram;
  };
  ScaledGram scaled_gram() const {
    ScaledGram scaled;
    for (Index j = 0; j < expanded(); ++j) {
      const double size = y_norms_[static_cast<std::size_t>(j)];
      if (size <= limits_.drop * norm_) continue;
      scaled.active.push_back(j);
      scaled.sizes.push_back(size);
    }
    const auto size = static_cast<Index>(scaled.active.size());
    scaled.gram = Small<N>(size, size);
    for (Index j = 0; j < size; ++j) {
      const Index at_j = scaled.active[static_cast<std::size_t>(j)];
      const double size_j = scaled.sizes[static_cast<std::size_t>(j)];
      for (Index i = 0; i <= j; ++i) {
        const Index at_i = scaled.active[static_cast<std::size_t>(i)];
        const double size_i = scaled.sizes[static_cast<std::size_t>(i)];
        // q_i^H W_j has an error of eps ||A|| ||y_j||: the smaller y counts.
        const N product = size_j <= size_i ? t_entry(at_i, at_j) : conjugate(t_entry(at_j, at_i));
        scaled.gram(i, j) = product / (size_i * size_j);
        scaled.gram(j, i) = conjugate(scaled.gram(i, j));
      }
    }
    return scaled;
  }

  /// g0 with Y g0 orthonormal: from the Cholesky factor of Y^H Y scaled to unit diagonal, or where
  /// that is nearly singular from its eigenvectors, without those of the smallest eigenvalues.
  Small<N> orthonormal_combinations(bool& truncated, double& last_block_norm) const {
    const ScaledGram scaled = scaled_gram();
    const std::vector<Index>& active = scaled.active;
    const Small<N>& gram = scaled.gram;
    const Index size = gram.cols;
    const auto at = [&](Index j) { return active[static_cast<std::size_t>(j)]; };
    const auto size_of_y = [&](Index j) { return scaled.sizes[static_cast<std::size_t>(j)]; };
    Small<N> combine = cholesky_combinations(gram);
    const Index last = std::lower_bound(active.begin(), active.end(), last_begin_) - active.begin();
    if (combine.cols == size) {
      last_block_norm = residual_norm(combine, last, size_of_y);
    } else {
      combine = eigen_combinations(gram);
      truncated = true;
      for (Index j = last; j < size; ++j)
        last_block_norm = std::hypot(last_block_norm, size_of_y(j));
    }
    Small<N> g0(expanded(), combine.cols);
    for (Index c = 0; c < combine.cols; ++c) {
      for (Index j = 0; j < size; ++j) g0(at(j), c) = combine(j, c) / size_of_y(j);
    }
    return g0;
  }

  N t_entry(Index i, Index j) const {
    const auto& column = t_[static_cast<std::size_t>(j)];
    return i < static_cast<Index>(column.size()) ? column[static_cast<std::size_t>(i)] : N{0};
  }

  /// gram = R^H R; R replaces its upper triangle. @returns whether R is far from singular
  static bool factor(Small<N>& gram) {
    constexpr double smallest_pivot = 1e-4;
    if (potrf('U', static_cast<int>(gram.cols), gram.data.data(), gram.ld()) != 0) return false;
    for (Index j = 0; j < gram.cols; ++j) {
      if (std::real(gram(j, j)) < smallest_pivot) return false;
    }
    return true;
  }

  /// R^-1 of gram = R^H R, or nothing if R is nearly singular.
  static Small<N> cholesky_combinations(Small<N> gram) {
    const int size = static_cast<int>(gram.cols);
    if (size == 0) return gram;
    if (!factor(gram)) return Small<N>(size, 0);
    Small<N> inverse(size, size);
    for (Index j = 0; j < gram.cols; ++j) inverse(j, j) = N{1};
    trsm('L', 'U', 'N', 'N', size, size, gram.data.data(), gram.ld(), inverse.data.data(),
         inverse.ld());
    return inverse;
  }

  static Small<N> eigen_combinations(Small<N> gram) {
    constexpr double smallest = 1e-11;
    const std::vector<double> values = eigh(gram);
    const auto first = static_cast<Index>(std::upper_bound(values.begin(), values.end(), smallest) -
                                          values.begin());
    Small<N> vectors = gram.columns(first, gram.cols);
    for (Index j = 0; j < vectors.cols; ++j) {
      scale_column(vectors, j, 1 / std::sqrt(values[static_cast<std::size_t>(first + j)]));
    }
    return vectors;
  }

  /// The size of what the last block of Y adds to the range of the earlier ones; stands in for that
  /// of the block to come. `inverse` is R^-1: its last diagonal block is that of R, inverted.
  template <class F>
  static double residual_norm(const Small<N>& inverse, Index last, F&& size_of_y) {
    const Index width = inverse.cols - last;
    if (width == 0) return 0;
    Small<N> block(width, width);
    Small<N> r(width, width);
    for (Index j = 0; j < width; ++j) {
      r(j, j) = size_of_y(last + j);
      for (Index i = 0; i <= j; ++i) block(i, j) = inverse(last + i, last + j);
    }
    trsm('L', 'U', 'N', 'N', static_cast<int>(width), static_cast<int>(width), block.data.data(),
         block.ld(), r.data.data(), r.ld());
    Small<N> square = multiply('C', r, 'N', r);
    return std::sqrt(std::max(0.0, eigh(square).back()));
  }

  /// Singular values of z, descending, and its right singular vectors.
  static Small<N> right_vectors(const Small<N>& z, std::vector<double>& s) {
    Small<N> square = multiply('C', z, 'N', z);
    s = eigh(square);
    const Index size = square.cols;
    Small<N> vectors(size, size);
    // Squares know nothing of values below 1e-8 of the largest.
    constexpr double safe = 1e-10;
    if (size > 0 && s.front() <= safe * s.back()) {
      SmallSvd<N> svd = gesdd(z);
      s = svd.s;
      for (Index j = 0; j < size; ++j) {
        for (Index i = 0; i < size; ++i) vectors(i, j) = conjugate(svd.vh(j, i));
      }
      return vectors;
    }
    std::reverse(s.begin(), s.end());
    for (double& x : s) x = std::sqrt(std::max(x, 0.0));
    for (Index j = 0; j < size; ++j) {
      std::copy(square.col(size - 1 - j), square.col(size - 1 - j) + size, vectors.col(j));
    }
    return vectors;
  }

  ShortSide side_;
  KrylovLimits limits_;
  Small<N> q_;
  std::vector<std::vector<N>> t_;  ///< columns of T
  std::vector<double> y_norms_;
  std::vector<double> error_weights_;  ///< W_j has an error of eps ||A|| times this
  double norm_ = 0;
  Index last_begin_ = 0;
  bool last_block_null_ = false;
};

}  // namespace matrass::detail
