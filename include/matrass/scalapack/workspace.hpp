// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The work memory that a ScaLAPACK routine asks for.
/// Next: scalapack/routines.hpp
#pragma once

#include <cmath>
#include <complex>
#include <limits>
#include <matrass/core/narrow.hpp>
#include <matrass/core/types.hpp>
#include <string>
#include <vector>

namespace matrass::detail {

/// WORK, RWORK and IWORK. As it is made it asks: lengths of -1, and room for the answers.
template <Scalar T>
struct Workspace {
  std::vector<T> work{T{}};
  std::vector<Real<T>> rwork{0};
  std::vector<int> iwork{0};
  int lwork = -1;
  int lrwork = -1;
  int liwork = -1;

  /// Allocates what the routine has answered, and `more` numbers in WORK and RWORK. Local.
  /// @throws InvalidArgument where a length does not fit 32 bits
  void answer(const std::string& routine, Index more) {
    lwork = length(rounded_up(std::real(work.front())) + static_cast<double>(more), routine);
    lrwork = length(rounded_up(rwork.front()) + static_cast<double>(more), routine);
    liwork = iwork.front() > 0 ? iwork.front() : 1;
    resize();
  }

  /// Allocates this much of WORK. Local.
  void allocate(const std::string& routine, Index size) {
    lwork = length(static_cast<double>(size), routine);
    lrwork = 1;
    liwork = 1;
    resize();
  }

 private:
  /// Numbers behind the end, since OpenBLAS 0.3.21's cgemv_n reads past that of a strided vector.
  /// (Matrices lie in the pool, where more memory follows.)
  static constexpr std::size_t overread = 16;

  void resize() {
    work.resize(static_cast<std::size_t>(lwork) + overread);
    rwork.resize(static_cast<std::size_t>(lrwork) + overread);
    iwork.resize(static_cast<std::size_t>(liwork));
  }

  /// A length comes as a scalar; a float rounds it, perhaps down, where it needs more than 24 bits.
  static double rounded_up(Real<T> answer) {
    constexpr double eps = std::numeric_limits<Real<T>>::epsilon();
    return std::ceil(static_cast<double>(answer) * (1 + eps));
  }

  static int length(double size, const std::string& routine) {
    if (size >= static_cast<double>(std::numeric_limits<int>::max())) {
      throw InvalidArgument(routine + ": ScaLAPACK's workspace must fit 32-bit integers: got " +
                            std::to_string(size) + " elements (more ranks need less each)");
    }
    return std::max(1, static_cast<int>(size));
  }
};

}  // namespace matrass::detail
