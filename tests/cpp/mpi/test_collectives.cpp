// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The library's own collectives, in one piece and in pieces of the largest count.
/// Next: tests/cpp/mpi/test_agree.cpp
#include <gtest/gtest.h>

#include <complex>
#include <matrass/mpi/collectives.hpp>

#include "support/mpi_test.hpp"

namespace matrass {
namespace {

using namespace test;

template <class T>
void check_allreduce(const mpi::Communicator& c, Index size) {
  std::vector<T> values(static_cast<std::size_t>(size));
  for (Index k = 0; k < size; ++k) {
    values[static_cast<std::size_t>(k)] = static_cast<T>(static_cast<float>(k * (c.rank() + 1)));
  }
  mpi::allreduce(c, std::span<T>(values));
  const Index sum = c.size() * (c.size() + 1) / 2;
  for (Index k = 0; k < size; ++k) {
    ASSERT_EQ(values[static_cast<std::size_t>(k)], static_cast<T>(static_cast<float>(k * sum)));
  }
}

TEST(Collectives, WithAnyLargestCount) {
  const Index before = mpi::largest_count();
  for (const Index count : {before, Index{1000}, Index{7}, Index{1}}) {
    mpi::largest_count() = count;
    for_each_rank_count([&](MPI_Comm comm) {
      const mpi::Communicator c(comm);
      for (const Index size : {0, 1, 6, 7, 8, 40}) {
        check_allreduce<int>(c, size);
        check_allreduce<float>(c, size);
        check_allreduce<double>(c, size);
        check_allreduce<std::complex<float>>(c, size);
        check_allreduce<std::complex<double>>(c, size);
        for (int root = 0; root < c.size(); ++root) {
          std::vector<double> values(static_cast<std::size_t>(size), c.rank() == root ? 3.5 : 0.0);
          mpi::broadcast(c, std::span<double>(values), root);
          ASSERT_EQ(values, std::vector<double>(static_cast<std::size_t>(size), 3.5));
        }
      }
    });
  }
  mpi::largest_count() = before;
}

TEST(Collectives, OneValueAndOtherOperations) {
  for_each_rank_count([](MPI_Comm comm) {
    const mpi::Communicator c(comm);
    EXPECT_EQ(mpi::allreduce(c, Index{1} << 40), (Index{1} << 40) * c.size());
    EXPECT_EQ(mpi::allreduce(c, c.rank(), MPI_MAX), c.size() - 1);
  });
}

TEST(Collectives, AllgatherOfListsOfAnyLength) {
  for_each_rank_count([](MPI_Comm comm) {
    const mpi::Communicator c(comm);
    const std::vector<Index> mine(static_cast<std::size_t>((c.rank() * 2) % 5), c.rank() + 100);
    const auto all = mpi::allgather(c, mine);
    ASSERT_EQ(static_cast<int>(all.size()), c.size());
    for (int r = 0; r < c.size(); ++r) {
      EXPECT_EQ(all[static_cast<std::size_t>(r)],
                std::vector<Index>(static_cast<std::size_t>((r * 2) % 5), r + 100));
    }
  });
}

/// MPI counts in 32 bits: what does not fit is refused before anything is allocated.
TEST(Collectives, AllgatherRefusesMoreThan32Bits) {
  constexpr Index half = Index{1} << 30;
  const mpi::detail::ListPlaces places = mpi::detail::list_places({half, 0, half - 1, 0});
  EXPECT_EQ(places.counts, (std::vector<int>{1 << 30, 0, (1 << 30) - 1, 0}));
  EXPECT_EQ(places.starts, (std::vector<int>{0, 1 << 30, 1 << 30, 2147483647}));
  EXPECT_EQ(places.total, 2147483647);
  for (const auto& sizes : std::vector<std::vector<Index>>{
           {half, half}, {half, half, 0}, {Index{1} << 31}, {1, Index{1} << 40, 1}}) {
    try {
      mpi::detail::list_places(sizes);
      ADD_FAILURE() << sizes.size();
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find("allgather: elements of"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace matrass
