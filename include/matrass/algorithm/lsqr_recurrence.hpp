// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// LSQR's scalars for one right-hand side: rotations, estimates of norms, and when to stop.
/// Next: algorithm/lsqr.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/core/types.hpp>

namespace matrass {

struct LsqrOptions {
  double damp = 0;      ///< minimises ||b - A x||^2 + damp^2 ||x||^2
  double atol = 1e-6;   ///< stop where ||A^H r|| <= atol ||A|| ||r||
  double btol = 1e-6;   ///< stop where ||r|| <= btol ||b|| + atol ||A|| ||x||
  double conlim = 1e8;  ///< stop where the estimated condition of A is beyond; 0: never
  Index maxiter = -1;   ///< -1: 2 n
  double ntol = 0;      ///< stop where ||A^H r - damp^2 x|| <= ntol ||A^H b||
};

namespace detail {

/// After each bidiagonalisation step: what the rotations say. All names are the paper's.
/// Source: Paige and Saunders, "LSQR: An algorithm for sparse linear equations and sparse least
/// squares" (1982); the order of work is that of scipy.sparse.linalg.lsqr.
class LsqrRecurrence {
 public:
  /// @param beta ||b|| @param alpha ||A^H b|| / ||b||
  LsqrRecurrence(double beta, double alpha, const LsqrOptions& options)
      : o_(options),
        bnorm_(beta),
        rhobar_(alpha),
        phibar_(beta),
        alpha_before_(alpha),
        rnorm_(beta),
        arnorm_(alpha * beta),
        arnorm_first_(alpha * beta),
        active_(alpha * beta > 0),
        satisfied_(!active_) {}

  bool active() const { return active_; }
  /// Whether it stopped because the solution is good.
  bool satisfied() const { return satisfied_; }
  double anorm() const { return anorm_; }
  double condition() const { return acond_; }
  double bnorm() const { return bnorm_; }

  /// What a step asks of the vectors: x += step w, then w = v + turn w.
  struct Move {
    double step = 0;
    double turn = 0;
  };

  /// @param beta, alpha of the new u and v @param wnorm ||w|| before the move
  Move advance(double beta, double alpha, double wnorm) {
    anorm_ = std::sqrt(anorm_ * anorm_ + alpha_before_ * alpha_before_ + beta * beta +
                       o_.damp * o_.damp);
    alpha_before_ = alpha;
    const double rhobar1 = o_.damp > 0 ? std::hypot(rhobar_, o_.damp) : rhobar_;
    const double psi = o_.damp > 0 ? o_.damp / rhobar1 * phibar_ : 0;
    if (o_.damp > 0) phibar_ *= rhobar_ / rhobar1;
    const double rho = std::hypot(rhobar1, beta);
    const double cs = rhobar1 / rho;
    const double sn = beta / rho;
    const double theta = sn * alpha;
    rhobar_ = -cs * alpha;
    const double phi = cs * phibar_;
    phibar_ *= sn;
    ddnorm_ += (wnorm / rho) * (wnorm / rho);
    estimate_solution(rho, theta, phi);
    acond_ = anorm_ * std::sqrt(ddnorm_);
    res2_ += psi * psi;
    rnorm_ = std::hypot(phibar_, std::sqrt(res2_));
    arnorm_ = alpha * std::abs(sn * phi);
    decide();
    return {phi / rho, -theta / rho};
  }

  /// Whether measured norms satisfy the rules that stopped the recurrence, but for a factor that
  /// covers rounding and that ||A|| is an estimate.
  bool confirms(double residual, double normal_residual, double xnorm) const {
    constexpr double slack = 10;
    const double rbar = std::hypot(residual, o_.damp * xnorm);
    const double rtol = o_.btol * bnorm_ + o_.atol * anorm_ * xnorm;
    const double least = std::max(o_.atol, std::numeric_limits<double>::epsilon());
    const double wanted = std::max(least * anorm_ * rbar, o_.ntol * arnorm_first_);
    return satisfied_ && (rbar <= slack * rtol || normal_residual <= slack * wanted);
  }

 private:
  void estimate_solution(double rho, double theta, double phi) {
    const double delta = sn2_ * rho;
    const double gambar = -cs2_ * rho;
    const double rhs = phi - delta * z_;
    const double zbar = rhs / gambar;
    xnorm_ = std::sqrt(xxnorm_ + zbar * zbar);
    const double gamma = std::hypot(gambar, theta);
    cs2_ = gambar / gamma;
    sn2_ = theta / gamma;
    z_ = rhs / gamma;
    xxnorm_ += z_ * z_;
  }

  void decide() {
    constexpr double eps = std::numeric_limits<double>::epsilon();
    const double test1 = rnorm_ / bnorm_;
    const double test2 = arnorm_ / (anorm_ * rnorm_ + std::numeric_limits<double>::min());
    const double test3 = acond_ > 0 ? 1 / acond_ : 1;
    const double growth = anorm_ * xnorm_ / bnorm_;
    satisfied_ = test2 <= o_.atol || test1 <= o_.btol + o_.atol * growth || 1 + test2 <= 1 ||
                 1 + test1 / (1 + growth) <= 1 || arnorm_ <= o_.ntol * arnorm_first_;
    const bool too_ill = (o_.conlim > 0 && test3 <= 1 / o_.conlim) || test3 <= eps / 2;
    active_ = !satisfied_ && !too_ill && std::isfinite(rnorm_) && std::isfinite(arnorm_);
  }

  LsqrOptions o_;
  double bnorm_;
  double rhobar_;
  double phibar_;
  double alpha_before_;
  double rnorm_;
  double arnorm_;
  double arnorm_first_;
  bool active_;
  bool satisfied_;
  double anorm_ = 0;
  double acond_ = 0;
  double ddnorm_ = 0;
  double res2_ = 0;
  double xnorm_ = 0;
  double xxnorm_ = 0;
  double z_ = 0;
  double cs2_ = -1;
  double sn2_ = 0;
};

}  // namespace detail
}  // namespace matrass
