// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The vectors of iterative methods: dealt to the ranks as rows are, or whole on every rank.
/// Next: algorithm/lsqr.hpp
#pragma once

#include <cmath>
#include <matrass/algorithm/operator.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/scalapack/run.hpp>
#include <span>
#include <string>
#include <vector>

namespace matrass::detail {

/// A few vectors of which each rank has the entries of its rows, in the precision of the matrix.
template <Scalar T>
class DealtVectors {
 public:
  static constexpr bool dealt = true;

  /// Zeros. Local. @param padded memory of a row, for `cols` numbers: see padded_columns()
  /// @throws MemoryLimitError
  DealtVectors(Index m, Index cols, Index padded) : rows_(m) {
    block_.width = cols;
    block_.ld = block_.padded = padded;
    storage_ = Storage<T>::allocate(m * block_.ld, true);
    block_.data = storage_.data();
  }

  Index rows() const { return rows_; }
  Index cols() const { return block_.width; }
  const RowBlock<T>& block() const { return block_; }
  T& operator()(Index i, Index c) { return block_.data[i * block_.ld + c]; }
  T operator()(Index i, Index c) const { return block_.data[i * block_.ld + c]; }

 private:
  Index rows_;
  Storage<T> storage_;
  RowBlock<T> block_{};
};

/// A few vectors that are whole on every rank, in double precision.
template <Scalar T>
class WholeVectors {
 public:
  static constexpr bool dealt = false;

  WholeVectors(Index n, Index cols) : values_(n, cols) {}
  explicit WholeVectors(Small<Wide<T>> values) : values_(std::move(values)) {}

  Index rows() const { return values_.rows; }
  Index cols() const { return values_.cols; }
  Small<Wide<T>>& values() { return values_; }
  const Small<Wide<T>>& values() const { return values_; }
  Wide<T>& operator()(Index i, Index c) { return values_(i, c); }
  Wide<T> operator()(Index i, Index c) const { return values_(i, c); }

 private:
  Small<Wide<T>> values_;
};

/// y_c = a_c x_c + b_c y_c for every column c. Local.
template <class X, class Y>
void combine(const std::vector<double>& a, const X& x, const std::vector<double>& b, Y& y) {
  using Entry = std::remove_cvref_t<decltype(y(0, 0))>;
  using Factor = Real<Entry>;
  for (Index c = 0; c < y.cols(); ++c) {
    const auto p = static_cast<Factor>(a[static_cast<std::size_t>(c)]);
    const auto q = static_cast<Factor>(b[static_cast<std::size_t>(c)]);
    for (Index i = 0; i < y.rows(); ++i) y(i, c) = p * static_cast<Entry>(x(i, c)) + q * y(i, c);
  }
}

/// y_c = b_c y_c; zero where b_c is zero. Local.
template <class Y>
void scale(const std::vector<double>& b, Y& y) {
  using Entry = std::remove_cvref_t<decltype(y(0, 0))>;
  for (Index c = 0; c < y.cols(); ++c) {
    const double factor = b[static_cast<std::size_t>(c)];
    for (Index i = 0; i < y.rows(); ++i) {
      y(i, c) = factor == 0 ? Entry{} : static_cast<Real<Entry>>(factor) * y(i, c);
    }
  }
}

/// The 2-norm of every column. Collective for dealt vectors, else local.
template <class V>
std::vector<double> norms(const mpi::Communicator& comm, const V& x) {
  std::vector<double> squares(static_cast<std::size_t>(x.cols()));
  for (Index c = 0; c < x.cols(); ++c) {
    double sum = 0;
    for (Index i = 0; i < x.rows(); ++i) {
      const double size = modulus(x(i, c));
      sum += size * size;
    }
    squares[static_cast<std::size_t>(c)] = sum;
  }
  if constexpr (V::dealt) mpi::allreduce(comm, std::span<double>(squares));
  for (double& square : squares) square = std::sqrt(square);
  return squares;
}

/// Whole vectors of dealt ones: each rank sets its rows, the others add zeros. Collective.
/// @param values the whole, with room for all rows
template <Scalar T, class Read>
void assemble(const mpi::Communicator& comm, std::span<const Index> row_indices, Read&& read,
              Small<Wide<T>>& values) {
  std::fill(values.data.begin(), values.data.end(), Wide<T>{});
  for (Index c = 0; c < values.cols; ++c) {
    for (std::size_t i = 0; i < row_indices.size(); ++i) {
      values(row_indices[i], c) = static_cast<Wide<T>>(read(static_cast<Index>(i), c));
    }
  }
  mpi::allreduce(comm, values.span());
}

/// A distribution in [VC,STAR] of `cols` columns whose rows lie where those of `d` do.
inline Distribution beside(const Distribution& d, Index cols) {
  const BlockCyclicAxis& rows = d.rows();
  const LayoutOptions options{.block = matrass::Block{rows.block, std::max<Index>(1, cols)},
                              .row_source = rows.source};
  return Distribution(d.grid(), {rows.first + rows.extent, cols}, VC_STAR, options)
      .slice(rows.first, rows.first + rows.extent, 0, cols);
}

/// A matrix as vectors for products with `op`, that lie where the rows of `d` do. Collective.
template <RowOperator Op, Scalar T>
DealtVectors<T> dealt_vectors(const Op& op, const DistMatrix<T>& b, const Distribution& d,
                              bool conjugated) {
  const DistMatrix<T> rows = redistribute(b, b.grid(), beside(d, b.shape().cols));
  return mpi::throw_together(b.grid().comm(), [&] {
    const Index k = b.shape().cols;
    DealtVectors<T> x(rows.local_shape().rows, k, padded_columns(op, k));
    for (Index c = 0; c < x.cols(); ++c) {
      for (Index i = 0; i < x.rows(); ++i) {
        x(i, c) = conjugated ? conjugate(rows.part()(i, c)) : rows.part()(i, c);
      }
    }
    return x;
  });
}

/// A matrix as whole vectors. Collective.
template <Scalar T>
WholeVectors<T> whole_vectors(const DistMatrix<T>& b, bool conjugated) {
  const DistMatrix<T> rows = redistribute(b, VC_STAR);
  std::vector<Index> indices;
  WholeVectors<T> x = mpi::throw_together(b.grid().comm(), [&] {
    indices = rows.local_rows();
    return WholeVectors<T>(b.shape().rows, b.shape().cols);
  });
  const LocalPart<T>& part = rows.part();
  const auto read = [&](Index i, Index c) {
    return conjugated ? conjugate(part(i, c)) : part(i, c);
  };
  assemble<T>(b.grid().comm(), indices, read, x.values());
  return x;
}

/// Dealt vectors as a matrix in [VC,STAR] whose rows lie where those of `d` do. Local.
template <Scalar T>
DistMatrix<T> matrix_of(const ProcessGrid& grid, const Distribution& d, const DealtVectors<T>& x,
                        bool conjugated) {
  DistMatrix<T> result = DistMatrix<T>::allocate(grid, beside(d, x.cols()), false);
  for (Index c = 0; c < result.local_shape().cols; ++c) {
    for (Index i = 0; i < result.local_shape().rows; ++i) {
      result.part()(i, c) = conjugated ? conjugate(x(i, c)) : x(i, c);
    }
  }
  return result;
}

/// @throws InvalidArgument on all ranks if an element of `a` is NaN or infinite. Collective; one
///   pass over the local part.
template <Scalar T>
void require_finite(const DistMatrix<T>& a, const std::string& routine, const std::string& name) {
  mpi::throw_together(a.grid().comm(), [&] { require_finite(a, Part::all, routine, name); });
}

}  // namespace matrass::detail
