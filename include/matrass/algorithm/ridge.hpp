// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Ridge regression: least squares with a penalty on the norm of the solution.
/// Next: algorithm/leverage_scores.hpp
#pragma once

#include <cmath>
#include <map>
#include <matrass/algorithm/lstsq.hpp>
#include <matrass/algorithm/normal_product.hpp>
#include <matrass/core/shown.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace matrass {

/// automatic: cholesky where the smaller extent is up to 5,000, else cg. cholesky: of A^H A + alpha
/// I or A A^H + alpha I, the smaller one, with one step of refinement; gives way to svd where that
/// is not safe. svd: of R, by the safe factorisation that is cheapest. tsqr: the same by
/// Householder's QR. cg: conjugate gradients on the normal equations, one pass over A a step.
enum class RidgeMethod { automatic, cholesky, svd, tsqr, cg };

struct RidgeOptions {
  std::vector<double> alpha{1.0};  ///< one for all right-hand sides, or one for each
  RidgeMethod method = RidgeMethod::automatic;
  double tol = 0;       ///< cg: residual of the normal equations, relative; 0: 1e-10, single 1e-5
  Index max_steps = 0;  ///< cg; 0: ten times the smaller extent, at least 1,000
};

template <Scalar T>
struct Ridge {
  DistMatrix<T> x;                             ///< n x k in [STAR,STAR]
  RidgeMethod method = RidgeMethod::cholesky;  ///< the one that gave the result
  Index steps = 0;                             ///< of cg
};

namespace detail {

/// The columns that share a penalty.
using Penalties = std::map<double, std::vector<Index>>;

inline Penalties penalties(const std::vector<double>& alpha, Index k) {
  Penalties groups;
  for (Index j = 0; j < k; ++j) {
    groups[alpha[alpha.size() == 1 ? 0 : static_cast<std::size_t>(j)]].push_back(j);
  }
  return groups;
}

template <class N>
Small<N> some_columns(const Small<N>& x, const std::vector<Index>& which) {
  Small<N> y(x.rows, static_cast<Index>(which.size()));
  for (std::size_t c = 0; c < which.size(); ++c) {
    std::copy(x.col(which[c]), x.col(which[c]) + x.rows, y.col(static_cast<Index>(c)));
  }
  return y;
}

/// (G + alpha I)^-1 of each column, with its own alpha. Nothing where Cholesky is not safe. Local.
/// @param gram upper triangle
template <class N>
std::optional<Small<N>> penalised_solve(const Small<N>& gram, const Penalties& groups,
                                        const Small<N>& y) {
  Small<N> x(y.rows, y.cols);
  const double eps = std::numeric_limits<double>::epsilon();
  for (const auto& [alpha, which] : groups) {
    Small<N> r = gram;
    for (Index j = 0; j < r.cols; ++j) r(j, j) += alpha;
    const double pivot = cholesky_upper(r);
    if (!(pivot * pivot > 64 * static_cast<double>(r.cols) * eps)) return std::nullopt;
    Small<N> some = some_columns(y, which);
    solve_triangle('C', r, some);
    solve_triangle('N', r, some);
    for (std::size_t c = 0; c < which.size(); ++c) {
      const N* from = some.col(static_cast<Index>(c));
      std::copy(from, from + x.rows, x.col(which[c]));
    }
  }
  return x;
}

/// a - alpha_j b, column by column.
template <class N>
void subtract_penalties(Small<N>& a, const Penalties& groups, const Small<N>& b) {
  for (const auto& [alpha, which] : groups) {
    for (const Index j : which) {
      for (Index i = 0; i < a.rows; ++i) a(i, j) -= alpha * b(i, j);
    }
  }
}

/// The minimiser in the coordinates of the SVD R = U S V^H: out = W diag(s / (s^2 + alpha)) c for
/// c = Y^H z. Tall: Y = U, W = V, z = Q^H b. Wide: Y = V, W = U.
template <class N>
Small<N> filtered(const Small<N>& r, const Penalties& groups, const Small<N>& z, bool wide,
                  double rcond) {
  const SmallSvd<N> svd = gesdd(r);
  const Small<N> v = adjoint_of_rows(svd.vh, svd.vh.rows);
  Small<N> c = multiply('C', wide ? v : svd.u, 'N', z);
  for (const auto& [alpha, which] : groups) {
    for (const Index j : which) {
      for (Index i = 0; i < c.rows; ++i) {
        const double s = svd.s[static_cast<std::size_t>(i)];
        const bool lost = alpha == 0 && s <= rcond * svd.s[0];
        c(i, j) = s == 0 || lost ? N{0} : c(i, j) / (s + alpha / s);
      }
    }
  }
  return multiply('N', wide ? svd.u : v, 'N', c);
}

/// One ridge problem. Rank 0 holds what is small. Tall: the unknown is x itself; wide: v with x' =
/// A'^H v (see WideProblem), so that both have a matrix with few columns and its Gram matrix.
template <Scalar T>
class RidgeRun {
 public:
  using N = Wide<T>;

  RidgeRun(const DistMatrix<T>& a, const DistMatrix<T>& b, const RidgeOptions& options)
      : options_(options),
        comm_(a.grid().comm()),
        tall_(tall_view(a)),
        aligned_(tall_.transposed ? DistMatrix<T>() : aligned_with(tall_.rows, b)),
        problem_(tall_, aligned_, "ridge"),
        groups_(penalties(options.alpha, b.shape().cols)),
        k_(b.shape().cols),
        rcond_(rcond_of({}, a.shape())) {
    if (!tall_.transposed) return;
    wide_.emplace(tall_.rows, k_);
    right_ = conjugate_on_root(b, "ridge");
  }

  Ridge<T> run() {
    Ridge<T> result;
    result.method = options_.method;
    if (result.method == RidgeMethod::automatic) {
      constexpr Index few = 5000;
      result.method = problem_.a().n <= few ? RidgeMethod::cholesky : RidgeMethod::cg;
    }
    if (result.method == RidgeMethod::cg) result.steps = iterate();
    if (result.method == RidgeMethod::cholesky && !by_cholesky()) result.method = RidgeMethod::svd;
    if (result.method == RidgeMethod::svd || result.method == RidgeMethod::tsqr) {
      by_svd(result.method == RidgeMethod::tsqr ? LstsqMethod::tsqr : LstsqMethod::automatic);
    }
    if (wide_) {
      result.x = wide_->result();
    } else {
      broadcast_small(comm_, x_, problem_.a().n, k_);
      result.x =
          mpi::throw_together(comm_, [&] { return replicated<T>(tall_.rows.grid(), x_, false); });
    }
    return result;
  }

 private:
  bool root() const { return comm_.rank() == 0; }

  bool told_by_root(bool yes) const {
    Index told = yes ? 1 : 0;
    mpi::broadcast<Index>(comm_, {&told, 1}, 0);
    return told == 1;
  }

  /// @returns false, on all ranks, where Cholesky is not safe
  bool by_cholesky() {
    TallSums<N> sums =
        mpi::throw_together(comm_, [&] { return tall_sums(problem_.a(), problem_.b()); });
    sum_on_root(comm_, sums);
    refuse_unless(is_finite_sum(sums));
    const Small<N>& y = wide_ ? right_ : sums.cross;
    const auto solve = [&](const Small<N>& of, Small<N>& to) {
      const bool good = mpi::throw_together(comm_, [&] {
        if (!root()) return true;
        const std::optional<Small<N>> found = penalised_solve(sums.gram, groups_, of);
        if (found) to = *found;
        return found.has_value();
      });
      return told_by_root(good);
    };
    Small<N> step;
    if (!solve(y, x_)) return false;
    if (wide_) wide_->add_image(x_);
    Small<N> rest = residual();
    if (!solve(rest, step)) return false;
    if (wide_) wide_->add_image(step);
    mpi::throw_together(comm_, [&] {
      for (std::size_t i = 0; root() && i < x_.data.size(); ++i) x_.data[i] += step.data[i];
    });
    return true;
  }

  /// Of the normal equations, on rank 0: A^H (b - A x) - alpha x, or b' - A' x' - alpha v.
  /// Collective; one pass over A.
  Small<N> residual() {
    Small<N> rest;
    if (wide_) {
      const Small<N> image = wide_->apply();
      rest = right_;
      for (std::size_t i = 0; root() && i < rest.data.size(); ++i) rest.data[i] -= image.data[i];
    } else {
      broadcast_small(comm_, x_, problem_.a().n, k_);
      TallSums<N> sums =
          mpi::throw_together(comm_, [&] { return residual_sums(problem_.a(), problem_.b(), x_); });
      sum_on_root(comm_, sums.cross.span());
      rest = std::move(sums.cross);
    }
    if (root()) subtract_penalties(rest, groups_, x_);
    return rest;
  }

  bool is_finite_sum(const TallSums<N>& sums) const {
    bool finite = true;
    for (Index j = 0; j < sums.gram.cols; ++j) finite = finite && is_finite(sums.gram(j, j));
    for (const N& x : sums.cross.data) finite = finite && is_finite(x);
    for (const double x : sums.squares) finite = finite && std::isfinite(x);
    return finite;
  }

  /// Where sums are not finite: says where A or B is not, or that their squares overflow.
  /// Collective.
  void refuse_unless(bool finite) {
    if (told_by_root(finite)) return;
    problem_.check();
    mpi::throw_together(comm_, [] {
      throw InvalidArgument("ridge: squares of A and B must not overflow (method=\"svd\" can)");
    });
  }

  void by_svd(LstsqMethod method) {
    if (wide_) {
      problem_.check();
      solve_by_tsqr(*wide_, comm_, problem_.scale(), right_,
                    [&](const Small<N>& r, const Small<N>& y) {
                      return filtered(r, groups_, y, true, rcond_);
                    });
      return;
    }
    const SmallProblem<N> small = problem_.reduce(method);
    mpi::throw_together(comm_, [&] {
      if (root()) x_ = filtered(small.r, groups_, small.z, false, rcond_);
    });
  }

  Index iterate();

  RidgeOptions options_;
  mpi::Communicator comm_;
  TallView<T> tall_;
  DistMatrix<T> aligned_;
  LeastSquares<T> problem_;
  Penalties groups_;
  Index k_;
  double rcond_;
  std::optional<WideProblem<T>> wide_{};
  Small<N> right_;  ///< wide: b'
  Small<N> x_;      ///< on rank 0: x, or v
};

/// @param k columns of B @throws InvalidArgument
inline void require_penalties(const std::vector<double>& alpha, Index k) {
  const auto given = static_cast<Index>(alpha.size());
  if (given != 1 && given != k) {
    throw InvalidArgument("ridge: alpha must be one number or one for each of the " +
                          std::to_string(k) + " columns of B: got " + std::to_string(given));
  }
  for (const double each : alpha) {
    if (!(each >= 0) || std::isinf(each)) {
      throw InvalidArgument("ridge: alpha must be finite and not negative: got " + shown(each));
    }
  }
}

/// What tells options from others, for mpi::Call.
inline std::uint64_t options_hash(const RidgeOptions& options) {
  const std::string_view alphas(reinterpret_cast<const char*>(options.alpha.data()),
                                options.alpha.size() * sizeof(double));
  return mpi::Call("options", alphas, options.method, options.tol, options.max_steps).hash();
}

template <Scalar T>
Ridge<T> ridge_of(const DistMatrix<T>& a, const DistMatrix<T>& b, const RidgeOptions& options) {
  require_right_side(a, b, "ridge",
                     mpi::Call("ridge", a.distribution(), b.distribution(), options_hash(options)));
  mpi::throw_together(a.grid().comm(), [&] { require_penalties(options.alpha, b.shape().cols); });
  return RidgeRun<T>(a, b, options).run();
}

}  // namespace detail

/// x that minimises ||A x_j - b_j||^2 + alpha_j ||x_j||^2 for each column of b.
///
/// Shapes: a m x n in any layout and of any shape, b m x k in any layout on a's grid, x n x k in
/// [STAR,STAR]. alpha may be 0: then the solution of lstsq, of least norm.
///
/// Collective over a's grid. Cost a rank: cholesky q^2 max(m, n) / p flops with q = min(m, n), two
/// passes over A (wide: four), and q^3 / 3 flops on rank 0 for each distinct alpha; svd and tsqr as
/// lstsq; cg 4 m n k / p flops and one pass a step.
/// @throws ShapeError, InvalidArgument on all ranks: rows, grids, alpha; NaN or infinity. Error if
/// cg
///   does not converge.
/// Source: Hoerl, Kennard (1970); Bjorck, "Numerical Methods for Least Squares Problems", 5.3, 7.4.
template <DistMatrixLike A, DistMatrixLike B>
Ridge<typename A::value_type> ridge(const A& a, const B& b, const RidgeOptions& options = {}) {
  return detail::ridge_of(to_dynamic(a), to_dynamic(b), options);
}

}  // namespace matrass

#include <matrass/algorithm/ridge_cg.hpp>

namespace matrass {

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                  \
  extern template Ridge<T> detail::ridge_of<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                               const RidgeOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
