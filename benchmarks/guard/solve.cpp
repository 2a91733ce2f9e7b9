// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// pdgesv of a given order, seconds a call; built once with the guard and once without.
/// Next: run.py (which runs both in turn)
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
void pdgesv_(const int* n, const int* nrhs, double* a, const int* ia, const int* ja,
             const int* desc_a, int* pivots, double* b, const int* ib, const int* jb,
             const int* desc_b, int* info);
}

int main(int argc, char** argv) {
  const int n = std::atoi(argv[1]);
  const int repeats = std::atoi(argv[2]);
  int provided = 0, rank = 0, size = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);

  int rows = 1;
  for (int r = 1; r * r <= size; ++r)
    if (size % r == 0) rows = r;
  int context = 0, cols = size / rows, row = 0, col = 0;
  Cblacs_get(-1, 0, &context);
  Cblacs_gridinit(&context, "C", rows, cols);
  Cblacs_gridinfo(context, &rows, &cols, &row, &col);

  const int zero = 0, one = 1, block = 64;
  const int m_local = numroc_(&n, &block, &row, &zero, &rows);
  const int n_local = numroc_(&n, &block, &col, &zero, &cols);
  const int ld = std::max(1, m_local);
  int desc_a[9], desc_b[9], info = 0;
  descinit_(desc_a, &n, &n, &block, &block, &zero, &zero, &context, &ld, &info);
  descinit_(desc_b, &n, &one, &block, &block, &zero, &zero, &context, &ld, &info);
  std::vector<double> a(static_cast<std::size_t>(ld) * std::max(1, n_local)), b(ld);
  std::vector<int> pivots(m_local + block);

  std::srand(rank);
  for (int repeat = 0; repeat <= repeats; ++repeat) {  // repeat 0 warms up
    for (double& x : a) x = std::rand() / static_cast<double>(RAND_MAX) - 0.5;
    for (double& x : b) x = 1.0;
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    pdgesv_(&n, &one, a.data(), &one, &one, desc_a, pivots.data(), b.data(), &one, &one, desc_b,
            &info);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0 && repeat > 0) std::printf("%.9f\n", MPI_Wtime() - start);
  }
  MPI_Finalize();
  return info;
}
