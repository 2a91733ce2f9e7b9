// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The fused product against a plain loop: every kernel of this processor, shapes around the sizes
/// of panels and tiles, all storage orders, shifts. Next: tests/cpp/algorithm/test_tsqr.cpp
#include <gtest/gtest.h>

#include <limits>
#include <matrass/algorithm/normal_product.hpp>
#include <matrass/algorithm/start_block.hpp>
#include <string>

namespace matrass::detail {
namespace {

enum class Order { columns, rows, neither };

struct Case {
  Index m;
  Index n;
  Index b;
  Order order;
  bool col_shift;
  bool row_shift;
};

std::string name(const Case& c) {
  return std::to_string(c.m) + " x " + std::to_string(c.n) + " x " + std::to_string(c.b) +
         " order " + std::to_string(static_cast<int>(c.order)) + (c.col_shift ? " col_shift" : "") +
         (c.row_shift ? " row_shift" : "");
}

template <class T>
std::vector<T> random_values(Index count, int stream) {
  std::vector<T> values;
  for (Index i = 0; i < count; ++i) {
    values.push_back(static_cast<T>(counter_normal_of<Wide<T>>(5, i, stream)));
  }
  return values;
}

/// A in memory that is larger than it, so that strides matter.
template <class T>
class Matrix {
 public:
  explicit Matrix(const Case& c)
      : col_shift_(random_values<T>(c.n, 1)), row_shift_(random_values<T>(c.m, 2)) {
    rows_ = {c.m, c.n};
    rows_.row_stride = c.order == Order::rows ? c.n + 5 : c.order == Order::columns ? 1 : 2;
    rows_.col_stride = c.order == Order::rows      ? 1
                       : c.order == Order::columns ? c.m + 3
                                                   : 2 * c.m + 7;
    memory_ = random_values<T>(c.m * rows_.row_stride + c.n * rows_.col_stride + 8, 0);
    rows_.data = memory_.data() + 1;  // as unaligned as it can be
    if (c.col_shift) rows_.col_shift = col_shift_.data();
    if (c.row_shift) rows_.row_shift = row_shift_.data();
  }

  const LocalRows<T>& rows() const { return rows_; }

  Wide<T> operator()(Index i, Index j) const {
    Wide<T> x = rows_.row(i)[j * rows_.col_stride];
    if (rows_.col_shift != nullptr) x -= Wide<T>(col_shift_[static_cast<std::size_t>(j)]);
    if (rows_.row_shift != nullptr) x -= Wide<T>(row_shift_[static_cast<std::size_t>(i)]);
    return x;
  }

 private:
  std::vector<T> col_shift_;
  std::vector<T> row_shift_;
  std::vector<T> memory_;
  LocalRows<T> rows_;
};

/// The largest error of `found` against sum_k a_k b_k in units of eps * sum_k |a_k| |b_k|.
template <class T>
struct Sum {
  Wide<T> value = 0;
  double moduli = 0;

  void add(Wide<T> a, Wide<T> b) {
    value += a * b;
    moduli += std::abs(a) * std::abs(b);
  }
  double error(Wide<T> found) const {
    return moduli == 0 ? std::abs(found)
                       : std::abs(found - value) / moduli / std::numeric_limits<Real<T>>::epsilon();
  }
};

/// The error of a scalar product of `terms` terms in units of Sum::error: each term and each
/// addition rounds once (complex: four times), subtracting a shift once more, and the shift may be
/// three times as large as what is left of the term.
double bound(Index terms) { return 8.0 * static_cast<double>(terms + 8); }

template <class T>
void check(const Case& c, const PanelKernel<Real<T>>& kernel) {
  SCOPED_TRACE(name(c) + " " + std::string(kernel.name));
  const Matrix<T> a(c);
  Small<Wide<T>> v(c.n, c.b);
  const std::vector<T> values = random_values<T>(c.n * c.b, 3);
  std::copy(values.begin(), values.end(), v.data.begin());
  TallBlocks<T> blocks(c.m);
  blocks.add(3);  // a neighbour in the same slab
  const auto y = blocks.add(c.b);
  double y_error = 0;
  double w_error = 0;
  double padding = 0;
  for (const Pass pass : {Pass::forward, Pass::both, Pass::adjoint}) {
    Small<Wide<T>> w;
    normal_product(a.rows(), pass, v, y, w, kernel);
    for (Index i = 0; i < c.m; ++i) {
      for (Index b = 0; b < c.b; ++b) {
        Sum<T> sum;
        for (Index j = 0; j < c.n; ++j) sum.add(a(i, j), v(j, b));
        y_error = std::max(y_error, sum.error(y.data[i * y.ld + b]));
      }
      for (Index b = c.b; b < y.padded; ++b) {
        padding = std::max(padding, static_cast<double>(std::abs(y.data[i * y.ld + b])));
      }
    }
    if (pass == Pass::forward) continue;
    ASSERT_EQ(w.rows, c.n);
    ASSERT_EQ(w.cols, c.b);
    for (Index j = 0; j < c.n; ++j) {
      for (Index b = 0; b < c.b; ++b) {
        Sum<T> sum;
        for (Index i = 0; i < c.m; ++i) {
          sum.add(conjugate(a(i, j)), static_cast<Wide<T>>(y.data[i * y.ld + b]));
        }
        w_error = std::max(w_error, sum.error(w(j, b)));
      }
    }
  }
  EXPECT_LE(y_error, bound(c.n));
  EXPECT_LE(w_error, bound(c.m));
  EXPECT_EQ(padding, 0);
}

template <class T>
void check_all(const std::vector<Index>& ms, const std::vector<Index>& ns,
               const std::vector<Index>& bs) {
  for (const auto& kernel : panel_kernels<Real<T>>()) {
    for (const Index m : ms) {
      for (const Index n : ns) {
        for (const Index b : bs) {
          for (const Order order : {Order::columns, Order::rows, Order::neither}) {
            check<T>({m, n, b, order, (m + n + b) % 5 == 0, (m + b) % 7 == 0}, kernel);
          }
        }
      }
    }
    if (is_complex<T>) break;  // by BLAS: one way for all
  }
}

TEST(NormalProduct, EqualsThePlainLoopInDoublePrecision) {
  check_all<double>({0, 1, 23, 48, 49, 121}, {1, 2, 24, 25, 61}, {1, 7, 8, 9, 20, 24, 33, 40, 64});
}

TEST(NormalProduct, EqualsThePlainLoopInSinglePrecision) {
  check_all<float>({0, 1, 25, 97}, {1, 2, 24, 61}, {1, 8, 16, 17, 48, 80});
}

TEST(NormalProduct, EqualsThePlainLoopForComplexScalars) {
  check_all<std::complex<double>>({0, 1, 63, 65, 130}, {1, 2, 30}, {1, 7, 8, 33});
  check_all<std::complex<float>>({0, 1, 63, 65, 130}, {1, 2, 30}, {1, 7, 8, 33});
}

TEST(NormalProduct, HandlesALeadingDimensionThatMapsAllColumnsToOneCacheSet) {
  const Index m = 512;  // 4096 bytes a column
  std::vector<double> memory = random_values<double>(m * 40, 4);
  const LocalRows<double> a{m, 40, memory.data(), 1, m};
  EXPECT_TRUE(panel_walk(a).packed);
  const LocalRows<double> odd{m - 8, 40, memory.data(), 1, m - 8};
  EXPECT_FALSE(panel_walk(odd).packed);
  Small<double> v(40, 5);
  std::copy_n(memory.begin(), v.data.size(), v.data.begin());
  TallBlocks<double> blocks(m);
  const auto y = blocks.add(5);
  Small<double> w;
  normal_product(a, Pass::both, v, y, w);
  for (Index i = 0; i < m; ++i) {
    Sum<double> sum;
    for (Index j = 0; j < 40; ++j) sum.add(a.row(i)[j * m], v(j, 3));
    EXPECT_LE(sum.error(y.data[i * y.ld + 3]), bound(40));
  }
}

TEST(NormalProduct, SumsOfSinglePrecisionDoNotLoseDigitsWithManyRows) {
  // 100,000 equal terms: a running sum in single precision would be wrong from the fourth digit on.
  const Index m = 100'000;
  const std::vector<float> memory(static_cast<std::size_t>(m), 0.1F);
  const LocalRows<float> a{m, 1, memory.data(), 1, m};
  Small<double> v(1, 1);
  v(0, 0) = 1;
  TallBlocks<float> blocks(m);
  const auto y = blocks.add(1);
  Small<double> w;
  normal_product(a, Pass::both, v, y, w);
  const double exact =
      static_cast<double>(m) * static_cast<double>(0.1F) * static_cast<double>(0.1F);
  // Each run of 512 rows is summed in single precision: at most half an eps of the sum for each
  // addition.
  EXPECT_NEAR(w(0, 0), exact,
              0.5 * rows_between_sums * std::numeric_limits<float>::epsilon() * exact);
}

}  // namespace
}  // namespace matrass::detail
