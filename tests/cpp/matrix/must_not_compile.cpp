// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Mistakes with static layouts and scalars that the compiler must find (one for each MATRASS_CASE
/// above 0). Next: tests/cpp/matrix/test_dist_matrix.cpp
#include <matrass/matrix/create.hpp>

namespace {

using namespace matrass;

#if MATRASS_CASE == 1  // no legal pair
using Case = DistMatrix<double, Layout{Dist::MC, Dist::MC}>;
Index use(const Case& a) { return a.shape().rows; }
#elif MATRASS_CASE == 2  // one static layout is not another
DistMatrix<double, MC_MR> use(const DistMatrix<double, VC_STAR>& a) { return a; }
#elif MATRASS_CASE == 3  // dynamic to static is never silent: it is checked at run time
DistMatrix<double, MC_MR> use(const DistMatrix<double>& a) { return a; }
#elif MATRASS_CASE == 4  // not one of the four scalars
Index use(const DistMatrix<int>& a) { return a.shape().rows; }
#else
DistMatrix<double> to_dynamic_for_free(const DistMatrix<double, VC_STAR>& a) { return a; }
DistMatrix<double, MC_MR> to_static(const DistMatrix<double>& a) {
  return DistMatrix<double, MC_MR>(a);
}
Index use(const DistMatrix<double, VC_STAR>& a) {
  return to_dynamic_for_free(a).shape().rows + to_static(a).shape().cols;
}
#endif

}  // namespace

int main() {
  auto* keep = &use;
  return keep == nullptr;
}
