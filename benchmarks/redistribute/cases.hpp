// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What is redistributed: the cases of the table in docs/redistribution.md.
/// Next: redistribute.cpp
#pragma once

#include <matrass/layout/distribution.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <string>
#include <vector>

/// From one distribution to another of the same shape.
struct Case {
  std::string letter;  ///< its name in the table
  std::string name;
  matrass::ProcessGrid source_grid;
  matrass::Distribution source;
  matrass::ProcessGrid target_grid;
  matrass::Distribution target;
};

/// The two grids of all cases, and the distributions that they are made of.
class Cases {
 public:
  Cases(matrass::Index size, matrass::Index tall)
      : column_(MPI_COMM_WORLD, {ranks(), 1}),
        row_(MPI_COMM_WORLD, {1, ranks()}),
        square_{size, size},
        tall_{tall, 64} {}

  /// The changes of layout that everything else is made of.
  std::vector<Case> main() const {
    return {{"a", "64-blocks p x 1 -> 128-blocks 1 x p", column_, blocks(column_, 64), row_,
             blocks(row_, 128)},
            {"b", "row partition -> [MC,MR] 64 on p x 1", column_, rows(square_), column_,
             blocks(column_, 64)},
            {"c", "row partition -> [VC,STAR] 1", column_, rows(square_), column_,
             dealt(square_, matrass::VC_STAR)},
            {"d", "row partition -> [VC,STAR] 1, tall", column_, rows(tall_), column_,
             dealt(tall_, matrass::VC_STAR)},
            {"e", "[VC,STAR] 1 -> [MC,MR] 1 on 1 x p", column_, dealt(square_, matrass::VC_STAR),
             row_, blocks(row_, 1)}};
  }

  /// Row partitions to other layouts of single elements.
  std::vector<Case> more() const {
    const auto to = [&](const std::string& name, const matrass::ProcessGrid& grid,
                        const matrass::Distribution& target) {
      return Case{"i", "row partition -> " + name, column_, rows(square_), grid, target};
    };
    return {to("[STAR,VC] 1", column_, dealt(square_, matrass::STAR_VC)),
            to("[MC,MR] 1 on 1 x p", row_, blocks(row_, 1)),
            to("[VR,STAR] 1", column_, dealt(square_, matrass::VR_STAR)),
            to("[STAR,STAR]", column_, dealt(square_, matrass::STAR_STAR))};
  }

  /// A block-cyclic matrix and its transpose, in one distribution (for square matrices).
  Case transposed() const {
    return {"g",  "[MC,MR] 64 on 1 x p -> its transpose",
            row_, blocks(row_, 64),
            row_, blocks(row_, 64)};
  }

  /// Where row chunks of NumPy arrays go.
  std::vector<Case> from_chunks() const {
    return {{"f", "row-major row chunks -> [VC,STAR] 1", column_, rows(square_), column_,
             dealt(square_, matrass::VC_STAR)},
            {"f", "row-major row chunks -> [MC,MR] 64 on p x 1", column_, rows(square_), column_,
             blocks(column_, 64)}};
  }

 private:
  static int ranks() { return matrass::mpi::Communicator(MPI_COMM_WORLD).size(); }

  static matrass::LayoutOptions of_block(matrass::Index size) {
    return {.block = matrass::Block{size, size}};
  }
  /// One contiguous part a rank.
  matrass::Distribution rows(matrass::Shape shape) const {
    return {column_.map(), shape, matrass::VC_STAR};
  }
  matrass::Distribution dealt(matrass::Shape shape, matrass::Layout layout) const {
    return {column_.map(), shape, layout, of_block(1)};
  }
  matrass::Distribution blocks(const matrass::ProcessGrid& grid, matrass::Index size) const {
    return {grid.map(), square_, matrass::MC_MR, of_block(size)};
  }

  matrass::ProcessGrid column_;
  matrass::ProcessGrid row_;
  matrass::Shape square_;
  matrass::Shape tall_;
};
