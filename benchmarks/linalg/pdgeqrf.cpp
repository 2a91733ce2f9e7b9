// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// ScaLAPACK's QR of a tall matrix: seconds of pdgeqrf, and of pdgeqrf with pdorgqr, a line a run.
/// Next: tall.py (which runs it)
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

extern "C" {
void Cblacs_get(int context, int what, int* value);
void Cblacs_gridinit(int* context, const char* order, int rows, int cols);
void Cblacs_gridinfo(int context, int* rows, int* cols, int* row, int* col);
int numroc_(const int* n, const int* nb, const int* p, const int* source, const int* procs);
void descinit_(int* desc, const int* m, const int* n, const int* mb, const int* nb, const int* rsrc,
               const int* csrc, const int* context, const int* ld, int* info);
void pdgeqrf_(const int* m, const int* n, double* a, const int* ia, const int* ja, const int* desc,
              double* tau, double* work, const int* lwork, int* info);
void pdorgqr_(const int* m, const int* n, const int* k, double* a, const int* ia, const int* ja,
              const int* desc, const double* tau, double* work, const int* lwork, int* info);
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int m = std::atoi(argv[1]);
  const int n = std::atoi(argv[2]);
  const int repeats = std::atoi(argv[3]);
  int provided = 0, rank = 0, size = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  // All ranks in one column of the grid: the best one for a tall matrix.
  int context = 0, rows = size, cols = 1, row = 0, col = 0;
  Cblacs_get(-1, 0, &context);
  Cblacs_gridinit(&context, "C", rows, cols);
  Cblacs_gridinfo(context, &rows, &cols, &row, &col);
  const int zero = 0, one = 1, block = 64;
  const int m_local = numroc_(&m, &block, &row, &zero, &rows);
  const int ld = std::max(1, m_local);
  int desc[9], info = 0;
  descinit_(desc, &m, &n, &block, &block, &zero, &zero, &context, &ld, &info);
  std::vector<double> a(static_cast<std::size_t>(ld) * n), tau(n);
  double size_qr = 0, size_q = 0;
  const int ask = -1;
  pdgeqrf_(&m, &n, a.data(), &one, &one, desc, tau.data(), &size_qr, &ask, &info);
  pdorgqr_(&m, &n, &n, a.data(), &one, &one, desc, tau.data(), &size_q, &ask, &info);
  std::vector<double> work(static_cast<std::size_t>(std::max(size_qr, size_q)));
  const int lwork = static_cast<int>(work.size());
  std::srand(rank);
  for (int repeat = 0; repeat <= repeats; ++repeat) {  // repeat 0 warms up
    for (double& x : a) x = std::rand() / static_cast<double>(RAND_MAX) - 0.5;
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    pdgeqrf_(&m, &n, a.data(), &one, &one, desc, tau.data(), work.data(), &lwork, &info);
    MPI_Barrier(MPI_COMM_WORLD);
    const double middle = MPI_Wtime();
    pdorgqr_(&m, &n, &n, a.data(), &one, &one, desc, tau.data(), work.data(), &lwork, &info);
    MPI_Barrier(MPI_COMM_WORLD);
    const double end = MPI_Wtime();
    if (rank == 0 && repeat > 0) std::printf("%.6f %.6f\n", middle - start, end - start);
  }
  MPI_Finalize();
  return info;
}
