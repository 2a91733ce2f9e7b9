// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Factorisations against ScaLAPACK as a program calls it: same grid, same blocks, in turn.
///
/// dense ROUTINE N REPEATS: one JSON line, medians in seconds. ScaLAPACK's time is without the copy
/// of the matrix that it overwrites; ours is that of the whole call.
/// Next: run.py
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <matrass/algorithm/certificate.hpp>
#include <matrass/algorithm/start_block.hpp>
#include <matrass/algorithm/svd.hpp>
#include <matrass/mpi/environment.hpp>
#include <string>
#include <vector>

namespace {

using namespace matrass;

constexpr int one = 1;
constexpr int right_hand_sides = 64;

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// What a program of ScaLAPACK's has for one matrix.
struct Plain {
  std::vector<double> data;
  Descriptor desc;

  explicit Plain(const DistMatrix<double>& a)
      : data(a.data(), a.data() + a.part().col_stride * a.local_shape().cols),
        desc(a.descriptor()) {
    data.resize(data.size() + 1);
  }
};

/// Calls f(work, lwork, iwork, liwork) for the sizes of its workspaces, then with them.
template <class F>
void with_workspace(Index more, F&& f) {
  std::vector<double> work(1);
  std::vector<int> iwork(1);
  f(work.data(), -1, iwork.data(), -1);
  const int lwork = static_cast<int>(work.front()) + static_cast<int>(more);
  const int liwork = std::max(1, iwork.front());
  work.resize(static_cast<std::size_t>(lwork));
  iwork.resize(static_cast<std::size_t>(liwork));
  f(work.data(), lwork, iwork.data(), liwork);
}

void require(int info) {
  if (info == 0) return;
  std::fprintf(stderr, "info=%d\n", info);
  std::exit(1);
}

class Case {
 public:
  Case(const ProcessGrid& grid, std::string routine, Index n)
      : routine_(std::move(routine)), n_(static_cast<int>(n)) {
    const bool definite = routine_ == "cholesky";
    const bool symmetric = definite || routine_ == "eigh";
    a_ = from_function<double>(grid, Shape{n, n}, MC_MR, [&](Index i, Index j) {
      const bool swap = symmetric && i < j;
      const double x = detail::counter_normal(1, swap ? j : i, swap ? i : j);
      return definite && i == j ? x + 4.0 * std::sqrt(static_cast<double>(n)) : x;
    });
    b_ = from_function<double>(grid, Shape{n, right_hand_sides}, MC_MR,
                               [](Index i, Index j) { return detail::counter_normal(2, i, j); });
  }

  void ours() {
    if (routine_ == "cholesky") kept_ = cholesky(a_);
    if (routine_ == "solve") kept_ = solve(a_, b_);
    if (routine_ == "eigh") eigh_ = eigh(a_);
    if (routine_ == "svd") svd_ = svd(a_);
  }

  /// Seconds of ScaLAPACK's calls.
  double scalapack() {
    Plain a(a_);
    Plain b(b_);
    Plain z(a_);
    Plain vt(a_);
    std::vector<double> values(static_cast<std::size_t>(n_));
    std::vector<int> pivots(static_cast<std::size_t>(a_.local_shape().rows) + 64);
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    int info = 0;
    if (routine_ == "cholesky") {
      pdpotrf_("L", &n_, a.data.data(), &one, &one, a.desc.data(), &info);
    } else if (routine_ == "solve") {
      pdgetrf_(&n_, &n_, a.data.data(), &one, &one, a.desc.data(), pivots.data(), &info);
      require(info);
      pdgetrs_("N", &n_, &right_hand_sides, a.data.data(), &one, &one, a.desc.data(), pivots.data(),
               b.data.data(), &one, &one, b.desc.data(), &info);
    } else if (routine_ == "eigh") {
      with_workspace(Index{64} * n_, [&](double* work, int lwork, int* iwork, int liwork) {
        pdsyevd_("V", "L", &n_, a.data.data(), &one, &one, a.desc.data(), values.data(),
                 z.data.data(), &one, &one, z.desc.data(), work, &lwork, iwork, &liwork, &info);
      });
    } else {
      with_workspace(0, [&](double* work, int lwork, int*, int) {
        pdgesvd_("V", "V", &n_, &n_, a.data.data(), &one, &one, a.desc.data(), values.data(),
                 z.data.data(), &one, &one, z.desc.data(), vt.data.data(), &one, &one,
                 vt.desc.data(), work, &lwork, &info);
      });
    }
    require(info);
    MPI_Barrier(MPI_COMM_WORLD);
    return MPI_Wtime() - start;
  }

  double residual() const {
    if (routine_ == "cholesky") return certify_cholesky(a_, kept_).residual;
    if (routine_ == "solve") return certify_solve(a_, kept_, b_).residual;
    return routine_ == "eigh" ? certify(a_, eigh_).residual : certify(a_, svd_).residual;
  }

 private:
  std::string routine_;
  int n_;
  DistMatrix<double> a_;
  DistMatrix<double> b_;
  DistMatrix<double> kept_;
  Eigh<double> eigh_;
  Svd<double> svd_;
};

}  // namespace

int main(int argc, char** argv) {
  const mpi::Environment environment(argc, argv);
  const std::string routine = argc > 1 ? argv[1] : "cholesky";
  const Index n = argc > 2 ? std::atoll(argv[2]) : 4000;
  const int repeats = argc > 3 ? std::atoi(argv[3]) : 5;
  const ProcessGrid grid(MPI_COMM_WORLD);
  Case c(grid, routine, n);
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int k = 0; k <= repeats; ++k) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    c.ours();
    MPI_Barrier(MPI_COMM_WORLD);
    const double mine = MPI_Wtime() - start;
    const double other = c.scalapack();
    if (k == 0 && repeats > 1) continue;  // the first one warms up
    ours.push_back(mine);
    theirs.push_back(other);
  }
  const double residual = c.residual();
  if (grid.rank() == 0) {
    std::printf(
        "{\"benchmark\": \"linalg\", \"case\": \"%s %lld\", \"ranks\": %d, \"ours_s\": %.4g, "
        "\"scalapack_s\": %.4g, \"x_scalapack\": %.3f, \"residual\": %.2g}\n",
        routine.c_str(), static_cast<long long>(n), grid.comm().size(), median(ours),
        median(theirs), median(theirs) / median(ours), residual);
  }
  return 0;
}
