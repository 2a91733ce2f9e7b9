// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// ScaLAPACK's redistribution between two of our distributions, through BLACS contexts of its own.
/// Next: redistribute.cpp
#pragma once

#include <array>
#include <matrass/layout/descriptor.hpp>
#include <numeric>
#include <vector>

extern "C" {
void Cblacs_get(int context, int what, int* value);
void Cblacs_gridmap(int* context, int* map, int ld, int rows, int cols);
void Cblacs_gridexit(int context);
void Cpdgemr2d(int m, int n, double* a, int ia, int ja, int* desc_a, double* b, int ib, int jb,
               int* desc_b, int context);
void pdtran_(const int* m, const int* n, const double* alpha, const double* a, const int* ia,
             const int* ja, const int* desc_a, const double* beta, double* c, const int* ic,
             const int* jc, const int* desc_c);
}

/// A BLACS context with the ranks of `map` at its places; -1 on ranks outside. Collective.
class BlacsContext {
 public:
  explicit BlacsContext(matrass::ContextMap map) {
    Cblacs_get(-1, 0, &context_);
    Cblacs_gridmap(&context_, map.ranks.data(), map.shape.rows, map.shape.rows, map.shape.cols);
  }
  BlacsContext(const BlacsContext&) = delete;
  BlacsContext& operator=(const BlacsContext&) = delete;
  ~BlacsContext() {
    if (context_ >= 0) Cblacs_gridexit(context_);
  }

  int number() const { return context_; }

 private:
  int context_ = -1;
};

/// pdgemr2d from one distribution to another of the same shape over all ranks. Made and run by all.
class ScalapackCopy {
 public:
  ScalapackCopy(const matrass::Distribution& source, const matrass::Distribution& target)
      : shape_(source.shape()),
        source_(matrass::context_map(source)),
        target_(matrass::context_map(target)),
        all_(everybody(source.grid().comm_size)) {
    desc_a_ = describe(source, source_.number());
    desc_b_ = describe(target, target_.number());
  }

  void operator()(double* a, double* b) const {
    matrass::Descriptor desc_a = desc_a_;
    matrass::Descriptor desc_b = desc_b_;
    Cpdgemr2d(static_cast<int>(shape_.rows), static_cast<int>(shape_.cols), a, 1, 1, desc_a.data(),
              b, 1, 1, desc_b.data(), all_.number());
  }

 private:
  static matrass::ContextMap everybody(int ranks) {
    matrass::ContextMap map{{1, ranks}, std::vector<int>(static_cast<std::size_t>(ranks))};
    std::iota(map.ranks.begin(), map.ranks.end(), 0);
    return map;
  }

  static matrass::Descriptor describe(const matrass::Distribution& d, int context) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return matrass::make_descriptor(d, context, d.local_shape(rank).rows);
  }

  matrass::Shape shape_;
  BlacsContext source_;
  BlacsContext target_;
  BlacsContext all_;
  matrass::Descriptor desc_a_{};
  matrass::Descriptor desc_b_{};
};

/// pdtran within one distribution of a square matrix. Made and run by all ranks.
class ScalapackTranspose {
 public:
  explicit ScalapackTranspose(const matrass::Distribution& d)
      : order_(static_cast<int>(d.shape().rows)), context_(matrass::context_map(d)) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    desc_ = matrass::make_descriptor(d, context_.number(), d.local_shape(rank).rows);
  }

  void operator()(const double* a, double* b) const {
    const int one = 1;
    const double alpha = 1.0;
    const double beta = 0.0;
    pdtran_(&order_, &order_, &alpha, a, &one, &one, desc_.data(), &beta, b, &one, &one,
            desc_.data());
  }

 private:
  int order_;
  BlacsContext context_;
  matrass::Descriptor desc_{};
};
