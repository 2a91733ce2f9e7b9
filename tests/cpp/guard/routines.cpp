// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The routines of the fault tests.
/// Next: shim.cpp (how Python calls them)
#include "routines.hpp"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

extern "C" {
void Cblacs_get(int, int, int*);
void Cblacs_gridinit(int*, const char*, int, int);
void Cblacs_gridinfo(int, int*, int*, int*, int*);
int numroc_(const int*, const int*, const int*, const int*, const int*);
void pdgemm_(const char*, const char*, const int*, const int*, const int*, const double*,
             const double*, const int*, const int*, const int*, const double*, const int*,
             const int*, const int*, const double*, double*, const int*, const int*, const int*);
void pdsyrk_(const char*, const char*, const int*, const int*, const double*, const double*,
             const int*, const int*, const int*, const double*, double*, const int*, const int*,
             const int*);
void pdtrsm_(const char*, const char*, const char*, const char*, const int*, const int*,
             const double*, const double*, const int*, const int*, const int*, double*, const int*,
             const int*, const int*);
void pdtran_(const int*, const int*, const double*, const double*, const int*, const int*,
             const int*, const double*, double*, const int*, const int*, const int*);
void pdgeadd_(const char*, const int*, const int*, const double*, const double*, const int*,
              const int*, const int*, const double*, double*, const int*, const int*, const int*);
void pdgesv_(const int*, const int*, double*, const int*, const int*, const int*, int*, double*,
             const int*, const int*, const int*, int*);
void pdgetrf_(const int*, const int*, double*, const int*, const int*, const int*, int*, int*);
void pdgetri_(const int*, double*, const int*, const int*, const int*, const int*, double*,
              const int*, int*, const int*, int*);
void pdpotrf_(const char*, const int*, double*, const int*, const int*, const int*, int*);
void pdgeqrf_(const int*, const int*, double*, const int*, const int*, const int*, double*, double*,
              const int*, int*);
void pdgels_(const char*, const int*, const int*, const int*, double*, const int*, const int*,
             const int*, double*, const int*, const int*, const int*, double*, const int*, int*);
void pdsyevd_(const char*, const char*, const int*, double*, const int*, const int*, const int*,
              double*, double*, const int*, const int*, const int*, double*, const int*, int*,
              const int*, int*);
void pdgesvd_(const char*, const char*, const int*, const int*, double*, const int*, const int*,
              const int*, double*, double*, const int*, const int*, const int*, double*, const int*,
              const int*, const int*, double*, const int*, int*);
void Cpdgemr2d(int, int, double*, int, int, int*, double*, int, int, int*, int);
}

namespace matrass::test {

namespace {

constexpr int one = 1, zero = 0;
constexpr double alpha = 1.0, beta = 0.5;

/// A square matrix; well conditioned and symmetric positive definite (diagonally dominant).
struct Matrix {
  std::array<int, 9> desc;
  std::vector<double> local;

  Matrix(const Problem& p, int block) : Matrix(p, block, p.n) {}
  Matrix(const Problem& p, int block, int cols) {
    const int m_local = numroc_(&p.n, &block, &p.row, &zero, &p.rows);
    const int n_local = numroc_(&cols, &block, &p.col, &zero, &p.cols);
    const int ld = std::max(1, m_local);
    desc = {1, p.context, p.n, cols, block, block, 0, 0, ld};
    local.resize(static_cast<std::size_t>(ld) * std::max(1, n_local));
    for (int j = 0; j < n_local; ++j)
      for (int i = 0; i < m_local; ++i) {
        const int row = (i / block * p.rows + p.row) * block + i % block;
        const int col = (j / block * p.cols + p.col) * block + j % block;
        const auto low = static_cast<std::uint32_t>(std::min(row, col));
        const auto high = static_cast<std::uint32_t>(std::max(row, col));
        const std::uint32_t hash = (low * 2654435761U) ^ (high * 40503U);
        local[static_cast<std::size_t>(j) * ld + i] = row == col ? 2.0 * p.n : hash % 1000 / 1000.0;
      }
  }
  explicit Matrix(const Problem& p) : Matrix(p, p.block) {}

  double* data() { return local.data(); }
  int* d() { return desc.data(); }
};

int gemm(const Problem& p) {
  Matrix a(p), b(p), c(p);
  pdgemm_("N", "T", &p.n, &p.n, &p.n, &alpha, a.data(), &one, &one, a.d(), b.data(), &one, &one,
          b.d(), &beta, c.data(), &one, &one, c.d());
  return 0;
}

int syrk(const Problem& p) {
  Matrix a(p), c(p);
  pdsyrk_("L", "N", &p.n, &p.n, &alpha, a.data(), &one, &one, a.d(), &beta, c.data(), &one, &one,
          c.d());
  return 0;
}

int trsm(const Problem& p) {
  Matrix a(p), b(p);
  pdtrsm_("L", "L", "N", "N", &p.n, &p.n, &alpha, a.data(), &one, &one, a.d(), b.data(), &one, &one,
          b.d());
  return 0;
}

int tran(const Problem& p) {
  Matrix a(p), c(p);
  pdtran_(&p.n, &p.n, &alpha, a.data(), &one, &one, a.d(), &beta, c.data(), &one, &one, c.d());
  return 0;
}

int geadd(const Problem& p) {
  Matrix a(p), c(p);
  pdgeadd_("T", &p.n, &p.n, &alpha, a.data(), &one, &one, a.d(), &beta, c.data(), &one, &one,
           c.d());
  return 0;
}

int gesv(const Problem& p) {
  Matrix a(p), b(p);
  std::vector<int> pivots(a.local.size() + p.block);
  int info = 0;
  pdgesv_(&p.n, &p.n, a.data(), &one, &one, a.d(), pivots.data(), b.data(), &one, &one, b.d(),
          &info);
  return info;
}

int getri(const Problem& p) {
  Matrix a(p);
  std::vector<int> pivots(a.local.size() + p.block);
  int info = 0, query = -1, integers = 0;
  double work_size = 0;
  pdgetrf_(&p.n, &p.n, a.data(), &one, &one, a.d(), pivots.data(), &info);
  pdgetri_(&p.n, a.data(), &one, &one, a.d(), pivots.data(), &work_size, &query, &integers, &query,
           &info);
  int size = static_cast<int>(work_size);
  std::vector<double> work(size);
  std::vector<int> iwork(integers);
  pdgetri_(&p.n, a.data(), &one, &one, a.d(), pivots.data(), work.data(), &size, iwork.data(),
           &integers, &info);
  return info;
}

int potrf(const Problem& p) {
  Matrix a(p);
  int info = 0;
  pdpotrf_("L", &p.n, a.data(), &one, &one, a.d(), &info);
  return info;
}

int geqrf(const Problem& p) {
  Matrix a(p);
  std::vector<double> tau(p.n);
  int info = 0, query = -1;
  double work_size = 0;
  pdgeqrf_(&p.n, &p.n, a.data(), &one, &one, a.d(), tau.data(), &work_size, &query, &info);
  int size = static_cast<int>(work_size);
  std::vector<double> work(size);
  pdgeqrf_(&p.n, &p.n, a.data(), &one, &one, a.d(), tau.data(), work.data(), &size, &info);
  return info;
}

int gels(const Problem& p) {
  Matrix a(p), b(p);
  int info = 0, query = -1;
  double work_size = 0;
  pdgels_("N", &p.n, &p.n, &p.n, a.data(), &one, &one, a.d(), b.data(), &one, &one, b.d(),
          &work_size, &query, &info);
  int size = static_cast<int>(work_size);
  std::vector<double> work(size);
  pdgels_("N", &p.n, &p.n, &p.n, a.data(), &one, &one, a.d(), b.data(), &one, &one, b.d(),
          work.data(), &size, &info);
  return info;
}

int syevd(const Problem& p) {
  Matrix a(p), z(p);
  std::vector<double> w(p.n);
  // Twice what the query asks for: pdsyevd's own answer is short for its call of pdormtr.
  int info = 0, query = -1, integers = 0;
  double work_size = 0;
  pdsyevd_("V", "L", &p.n, a.data(), &one, &one, a.d(), w.data(), z.data(), &one, &one, z.d(),
           &work_size, &query, &integers, &query, &info);
  int size = 2 * static_cast<int>(work_size);
  std::vector<double> work(size);
  std::vector<int> iwork(integers);
  pdsyevd_("V", "L", &p.n, a.data(), &one, &one, a.d(), w.data(), z.data(), &one, &one, z.d(),
           work.data(), &size, iwork.data(), &integers, &info);
  return info;
}

int gesvd(const Problem& p) {
  Matrix a(p), u(p), vt(p);
  std::vector<double> s(p.n);
  int info = 0, query = -1;
  double work_size = 0;
  pdgesvd_("V", "V", &p.n, &p.n, a.data(), &one, &one, a.d(), s.data(), u.data(), &one, &one, u.d(),
           vt.data(), &one, &one, vt.d(), &work_size, &query, &info);
  int size = static_cast<int>(work_size);
  std::vector<double> work(size);
  pdgesvd_("V", "V", &p.n, &p.n, a.data(), &one, &one, a.d(), s.data(), u.data(), &one, &one, u.d(),
           vt.data(), &one, &one, vt.d(), work.data(), &size, &info);
  return info;
}

int gemr2d(const Problem& p) {
  Matrix a(p), b(p, p.block / 2);
  for (int i = 0; i < 8; ++i) {
    Cpdgemr2d(p.n, p.n, a.data(), 1, 1, a.d(), b.data(), 1, 1, b.d(), p.context);
    Cpdgemr2d(p.n, p.n, b.data(), 1, 1, b.d(), a.data(), 1, 1, a.d(), p.context);
  }
  return 0;
}

/// Block 0 is no block: PBLAS must say so on every rank.
int bad_gemm(const Problem& p) {
  Matrix a(p), b(p), c(p);
  a.desc[4] = 0;
  pdgemm_("N", "N", &p.n, &p.n, &p.n, &alpha, a.data(), &one, &one, a.d(), b.data(), &one, &one,
          b.d(), &beta, c.data(), &one, &one, c.d());
  return 0;
}

/// A right-hand side with too few rows: LAPACK-style, pxerbla and info < 0.
int bad_gesv(const Problem& p) {
  Matrix a(p), b(p);
  std::vector<int> pivots(a.local.size() + p.block);
  const int minus = -1;
  int info = 0;
  pdgesv_(&minus, &p.n, a.data(), &one, &one, a.d(), pivots.data(), b.data(), &one, &one, b.d(),
          &info);
  return info;
}

}  // namespace

Problem make_problem(int n, int block) {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int rows = 1;
  for (int r = 1; r * r <= size; ++r)
    if (size % r == 0) rows = r;
  Problem p{0, rows, size / rows, 0, 0, n, block};
  Cblacs_get(-1, 0, &p.context);
  Cblacs_gridinit(&p.context, "C", p.rows, p.cols);
  Cblacs_gridinfo(p.context, &p.rows, &p.cols, &p.row, &p.col);
  return p;
}

const std::map<std::string, std::function<int(const Problem&)>>& routines() {
  static const std::map<std::string, std::function<int(const Problem&)>> table{
      {"pdgemm", gemm},     {"pdsyrk", syrk},         {"pdtrsm", trsm},        {"pdtran", tran},
      {"pdgeadd", geadd},   {"pdgesv", gesv},         {"pdgetri", getri},      {"pdpotrf", potrf},
      {"pdgeqrf", geqrf},   {"pdgels", gels},         {"pdsyevd", syevd},      {"pdgesvd", gesvd},
      {"pdgemr2d", gemr2d}, {"bad pdgemm", bad_gemm}, {"bad pdgesv", bad_gesv}};
  return table;
}

}  // namespace matrass::test
