// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// First centres for k-means: k-means++ and k-means||, by random numbers that belong to rows.
/// Next: algorithm/kmeans.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/algorithm/counter_uniform.hpp>
#include <matrass/algorithm/kmeans_rows.hpp>
#include <utility>
#include <vector>

namespace matrass::detail {

/// Draws rows with probabilities proportional to weights that ranks know for their own rows: a race
/// in which row i arrives at time -log(u_i) / weight_i, and the first one wins. No prefix sums, and
/// nothing that depends on how rows are dealt.
/// @param weights of this rank's rows, not negative
/// @param draws how many rows are drawn, independently
/// @returns their global indices; -1 where no weight is positive. Collective.
template <ClusterRows Rows>
std::vector<Index> draw_rows(const Rows& rows, const std::vector<double>& weights,
                             std::uint64_t seed, std::uint64_t stream, Index draws) {
  constexpr Index nobody = std::numeric_limits<Index>::max();
  const auto count = static_cast<std::size_t>(draws);
  std::vector<double> first;
  std::vector<Index> winner;
  std::vector<double> mine;
  mpi::throw_together(rows.comm(), [&] {
    first.assign(count, std::numeric_limits<double>::infinity());
    winner.assign(count, nobody);
    for (std::size_t d = 0; d < count; ++d) {
      for (std::size_t i = 0; i < weights.size(); ++i) {
        if (!(weights[i] > 0)) continue;
        const double u = counter_uniform(seed, rows.indices()[i], stream + d);
        if (1 - u > first[d] * weights[i]) continue;  // 1 - u <= -log(u): cannot win
        const double time = -std::log(u) / weights[i];
        if (time < first[d]) {
          first[d] = time;
          winner[d] = rows.indices()[i];
        }
      }
    }
    mine = first;
  });
  mpi::allreduce(rows.comm(), std::span<double>(first), MPI_MIN);
  for (std::size_t d = 0; d < count; ++d) {
    if (mine[d] != first[d]) winner[d] = nobody;
  }
  mpi::allreduce(rows.comm(), std::span<Index>(winner), MPI_MIN);
  for (Index& row : winner) row = row == nobody ? -1 : row;
  return winner;
}

/// k-means++ that tries several rows for each centre and keeps the best one, as scikit-learn does.
///
/// Memory: 3 + log(k) doubles for each row.
/// Source: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (2007).
template <ClusterRows Rows>
class PlusPlus {
 public:
  /// @param weights of this rank's rows; empty: 1 each @param bound of squared distances
  /// Local.
  PlusPlus(const Rows& rows, std::vector<double> weights, std::uint64_t seed, double bound)
      : rows_(rows), weights_(std::move(weights)), seed_(seed), bins_(bound, rows.m()) {}

  /// @returns n x k. Collective.
  Small<double> run(Index k) {
    const Index trials = 2 + static_cast<Index>(std::log(static_cast<double>(k)));
    Small<double> centres = mpi::throw_together(rows_.comm(), [&] {
      squares_.assign(static_cast<std::size_t>(rows_.local_m()), 1);
      nearer_.resize(static_cast<std::size_t>(rows_.local_m() * trials));
      return Small<double>(rows_.n(), k);
    });
    for (Index c = 0; c < k; ++c) {
      const std::vector<Index> drawn = draw(c, c == 0 ? 1 : trials);
      const Small<double> tried = rows_.fetch(drawn);
      const Index best = keep_best(tried, c == 0);
      std::copy(tried.col(best), tried.col(best) + rows_.n(), centres.col(c));
    }
    return centres;
  }

 private:
  std::vector<Index> draw(Index c, Index count) {
    const std::uint64_t stream = static_cast<std::uint64_t>(c) << 8U;
    std::vector<double> chances = mpi::throw_together(rows_.comm(), [&] {
      std::vector<double> product = squares_;
      for (std::size_t i = 0; i < weights_.size(); ++i) product[i] *= weights_[i];
      return product;
    });
    std::vector<Index> drawn = draw_rows(rows_, chances, seed_, stream, count);
    // Every row is a centre already: any row will do.
    for (Index& row : drawn) row = row < 0 ? 0 : row;
    return drawn;
  }

  /// Takes the row that leaves the smallest sum of squared distances. @returns which one
  Index keep_best(const Small<double>& tried, bool first) {
    const auto local_m = static_cast<std::size_t>(rows_.local_m());
    std::vector<double> sums = mpi::throw_together(rows_.comm(), [&] {
      std::vector<double> parts(static_cast<std::size_t>(2 * tried.cols));
      std::array<double, packed_rows> found{};
      const typename Rows::Distances distances(rows_, tried);
      rows_.for_each_panel([&](typename Rows::Panel panel, Index begin, Index count) {
        for (Index t = 0; t < tried.cols; ++t) {
          distances(panel, t, found.data());
          ExactSum sum{parts[static_cast<std::size_t>(2 * t)],
                       parts[static_cast<std::size_t>(2 * t + 1)]};
          double* kept = nearer_.data() + static_cast<std::size_t>(t) * local_m;
          for (Index i = 0; i < count; ++i) {
            const auto row = static_cast<std::size_t>(begin + i);
            const double square = found[static_cast<std::size_t>(i)];
            kept[row] = first ? square : std::min(square, squares_[row]);
            sum.add(weights_.empty() ? kept[row] : kept[row] * weights_[row], bins_);
          }
          parts[static_cast<std::size_t>(2 * t)] = sum.high;
          parts[static_cast<std::size_t>(2 * t + 1)] = sum.low;
        }
      });
      return parts;
    });
    mpi::allreduce(rows_.comm(), std::span<double>(sums));
    Index best = 0;
    const auto value = [&](Index t) {
      return sums[static_cast<std::size_t>(2 * t)] + sums[static_cast<std::size_t>(2 * t + 1)];
    };
    for (Index t = 1; t < tried.cols; ++t) best = value(t) < value(best) ? t : best;
    std::copy_n(nearer_.begin() + best * rows_.local_m(), local_m, squares_.begin());
    return best;
  }

  const Rows& rows_;
  std::vector<double> weights_;
  std::uint64_t seed_;
  SumBins bins_;
  std::vector<double> squares_;  ///< distance of each local row from its nearest centre, squared
  std::vector<double> nearer_;   ///< the same with one of the rows that are tried
};

/// k-means||: in five rounds about 2 k rows each are taken at once, row i with probability
/// min(1, 2 k d_i^2 / sum d^2); then k-means++ chooses among them, each weighted with the rows it
/// is nearest to.
/// Source: Bahmani et al., "Scalable k-means++" (2012).
template <ClusterRows Rows>
class ParallelInit {
 public:
  ParallelInit(const Rows& rows, std::uint64_t seed, double bound)
      : rows_(rows), seed_(seed), bound_(bound), bins_(bound, rows.m()) {}

  /// @returns n x k. Collective; 5 passes with about 2 k distances a row, and one with 10 k.
  Small<double> run(Index k) {
    constexpr std::uint64_t rounds = 5;
    std::vector<double> ones;
    mpi::throw_together(rows_.comm(), [&] {
      ones.assign(static_cast<std::size_t>(rows_.local_m()), 1);
      squares_.assign(ones.size(), std::numeric_limits<double>::infinity());
    });
    Small<double> chosen = rows_.fetch(draw_rows(rows_, ones, seed_, 0, 1));
    Small<double> fresh = chosen;
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      const double sum = approach(fresh);
      fresh = rows_.fetch(take(2 * static_cast<double>(k) / sum, round, sum > 0));
      mpi::throw_together(rows_.comm(), [&] { chosen.append(fresh); });
    }
    if (chosen.cols < k) return PlusPlus<Rows>(rows_, {}, seed_ + 1, bound_).run(k);
    return among(chosen, k);
  }

 private:
  /// Squared distances with `fresh` centres too. @returns their sum
  double approach(const Small<double>& fresh) {
    const ExactSum sum = mpi::throw_together(rows_.comm(), [&] {
      ExactSum mine;
      std::array<double, packed_rows> found{};
      const typename Rows::Distances distances(rows_, fresh);
      rows_.for_each_panel([&](typename Rows::Panel panel, Index begin, Index count) {
        double* kept = squares_.data() + begin;
        for (Index c = 0; c < fresh.cols; ++c) {
          distances(panel, c, found.data());
          for (Index i = 0; i < count; ++i) {
            kept[i] = std::min(kept[i], found[static_cast<std::size_t>(i)]);
          }
        }
        for (Index i = 0; i < count; ++i) mine.add(kept[i], bins_);
      });
      return mine;
    });
    return total(rows_.comm(), sum);
  }

  /// The rows of this round, by their global indices. Collective.
  std::vector<Index> take(double factor, std::uint64_t round, bool any) {
    std::vector<Index> mine = mpi::throw_together(rows_.comm(), [&] {
      std::vector<Index> taken;
      for (std::size_t i = 0; any && i < squares_.size(); ++i) {
        const Index row = rows_.indices()[i];
        if (counter_uniform(seed_, row, round << 32U) < factor * squares_[i]) taken.push_back(row);
      }
      return taken;
    });
    const std::vector<std::vector<Index>> lists = mpi::allgather(rows_.comm(), mine);
    return mpi::throw_together(rows_.comm(), [&] {
      std::vector<Index> all;
      for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
      std::sort(all.begin(), all.end());
      return all;
    });
  }

  /// k-means++ on the rows `chosen`, which every rank has: each rank does a share of them.
  Small<double> among(const Small<double>& chosen, Index k) {
    std::vector<double> weights = mpi::throw_together(rows_.comm(), [&] {
      std::vector<double> counts(static_cast<std::size_t>(chosen.cols));
      const typename Rows::Nearest nearest(rows_, chosen);
      std::array<std::int32_t, packed_rows> best{};
      rows_.for_each_panel([&](typename Rows::Panel panel, Index, Index count) {
        nearest(panel, best.data());
        for (Index i = 0; i < count; ++i) {
          counts[static_cast<std::size_t>(best[static_cast<std::size_t>(i)])] += 1;
        }
      });
      return counts;
    });
    mpi::allreduce(rows_.comm(), std::span<double>(weights));
    const Index share = (chosen.cols + rows_.comm().size() - 1) / rows_.comm().size();
    const Index begin = std::min(rows_.comm().rank() * share, chosen.cols);
    const Index end = std::min(begin + share, chosen.cols);
    std::vector<double> mine;
    std::vector<Index> indices;
    mpi::throw_together(rows_.comm(), [&] {
      for (Index row = begin; row < end; ++row) {
        indices.push_back(row);
        mine.push_back(weights[static_cast<std::size_t>(row)]);
      }
    });
    const LocalRows<double> local{end - begin, chosen.rows, chosen.col(begin), chosen.rows, 1};
    const KMeansRows<double> few(local, indices, chosen.cols, rows_.comm());
    // The weights add up to m.
    const double bound = bound_ * static_cast<double>(rows_.m());
    return PlusPlus<KMeansRows<double>>(few, mine, seed_ + 1, bound).run(k);
  }

  const Rows& rows_;
  std::uint64_t seed_;
  double bound_;
  SumBins bins_;
  std::vector<double> squares_;
};

}  // namespace matrass::detail
