// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Tables of wrappers: the parameter types are read off MPI's own prototypes, so that a table line
/// has only a name and the number of parameters (a wrong number does not compile: mpi.h declares
/// the same function with other parameters). Next: collectives.cpp, nonblocking.cpp
#pragma once

#include <cstddef>
#include <tuple>

#include "wait.hpp"

namespace matrass::guard::detail {

template <class Function>
struct Signature;
template <class... Args>
struct Signature<int(Args...)> {
  template <std::size_t I>
  using parameter = std::tuple_element_t<I, std::tuple<Args...>>;
};

}  // namespace matrass::guard::detail

/// Type of parameter `i` of the MPI function `f`.
#define MATRASS_P(f, i) matrass::guard::detail::Signature<decltype(f)>::parameter<i>

#define MATRASS_PARAMS_1(f) MATRASS_P(f, 0) a
#define MATRASS_PARAMS_2(f) MATRASS_PARAMS_1(f), MATRASS_P(f, 1) b
#define MATRASS_PARAMS_3(f) MATRASS_PARAMS_2(f), MATRASS_P(f, 2) c
#define MATRASS_PARAMS_4(f) MATRASS_PARAMS_3(f), MATRASS_P(f, 3) d
#define MATRASS_PARAMS_5(f) MATRASS_PARAMS_4(f), MATRASS_P(f, 4) e
#define MATRASS_PARAMS_6(f) MATRASS_PARAMS_5(f), MATRASS_P(f, 5) g
#define MATRASS_PARAMS_7(f) MATRASS_PARAMS_6(f), MATRASS_P(f, 6) h
#define MATRASS_PARAMS_8(f) MATRASS_PARAMS_7(f), MATRASS_P(f, 7) i
#define MATRASS_PARAMS_9(f) MATRASS_PARAMS_8(f), MATRASS_P(f, 8) j
#define MATRASS_PARAMS_10(f) MATRASS_PARAMS_9(f), MATRASS_P(f, 9) k
#define MATRASS_PARAMS_11(f) MATRASS_PARAMS_10(f), MATRASS_P(f, 10) l
#define MATRASS_PARAMS_12(f) MATRASS_PARAMS_11(f), MATRASS_P(f, 11) m
#define MATRASS_PARAMS_13(f) MATRASS_PARAMS_12(f), MATRASS_P(f, 12) n

#define MATRASS_ARGS_1 a
#define MATRASS_ARGS_2 MATRASS_ARGS_1, b
#define MATRASS_ARGS_3 MATRASS_ARGS_2, c
#define MATRASS_ARGS_4 MATRASS_ARGS_3, d
#define MATRASS_ARGS_5 MATRASS_ARGS_4, e
#define MATRASS_ARGS_6 MATRASS_ARGS_5, g
#define MATRASS_ARGS_7 MATRASS_ARGS_6, h
#define MATRASS_ARGS_8 MATRASS_ARGS_7, i
#define MATRASS_ARGS_9 MATRASS_ARGS_8, j
#define MATRASS_ARGS_10 MATRASS_ARGS_9, k
#define MATRASS_ARGS_11 MATRASS_ARGS_10, l
#define MATRASS_ARGS_12 MATRASS_ARGS_11, m
#define MATRASS_ARGS_13 MATRASS_ARGS_12, n

/// MPI_`name` with `count` parameters, the last of them the communicator, as PMPI_`start` and the
/// loop.
#define MATRASS_GUARDED_ONE(count, name, start)                                 \
  int MPI_##name(MATRASS_PARAMS_##count(MPI_##name)) {                          \
    return matrass::guard::detail::guarded(PMPI_##start, MATRASS_ARGS_##count); \
  }
/// The same for the plain form and the one with large counts.
#define MATRASS_GUARDED(count, name, start) \
  MATRASS_GUARDED_ONE(count, name, start)   \
  MATRASS_GUARDED_ONE(count, name##_c, start##_c)

/// MPI_`name` as it is, but refused once the flag is set.
#define MATRASS_CHECKED_ONE(count, name)                                       \
  int MPI_##name(MATRASS_PARAMS_##count(MPI_##name)) {                         \
    return matrass::guard::detail::checked(PMPI_##name, MATRASS_ARGS_##count); \
  }
#define MATRASS_CHECKED(count, name) \
  MATRASS_CHECKED_ONE(count, name)   \
  MATRASS_CHECKED_ONE(count, name##_c)

/// The same for a call that may block inside MPI and cannot be interrupted there.
#define MATRASS_NATIVE_ONE(count, name)                                       \
  int MPI_##name(MATRASS_PARAMS_##count(MPI_##name)) {                        \
    return matrass::guard::detail::native(PMPI_##name, MATRASS_ARGS_##count); \
  }
#define MATRASS_NATIVE(count, name) \
  MATRASS_NATIVE_ONE(count, name)   \
  MATRASS_NATIVE_ONE(count, name##_c)

/// A collective over parameter `who` (a letter of the list above) without a non-blocking form.
#define MATRASS_AGREED_ONE(count, name, who)                                       \
  int MPI_##name(MATRASS_PARAMS_##count(MPI_##name)) {                             \
    return matrass::guard::detail::agreed(who, PMPI_##name, MATRASS_ARGS_##count); \
  }
#define MATRASS_AGREED(count, name, who) \
  MATRASS_AGREED_ONE(count, name, who)   \
  MATRASS_AGREED_ONE(count, name##_c, who)
