// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Lloyd's iteration: rows go to their nearest centres, centres to the means of their rows.
/// Next: algorithm/kmeans.hpp
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <matrass/algorithm/kmeans_rows.hpp>
#include <matrass/core/step.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// What one run of k-means finds; centres relative to the origin of the rows.
struct LloydState {
  Small<double> centres{};             ///< n x k
  std::vector<std::int32_t> labels{};  ///< of this rank's rows
  double inertia = 0;
  Index iterations = 0;
  bool converged = false;
};

/// One run. Sums of clusters are exact (SumBins), so that a row that changes its cluster is taken
/// from one sum and added to the other: later iterations cost little more than the product.
///
/// Memory: 4 bytes a row; six times k n doubles.
template <ClusterRows Rows>
class Lloyd {
 public:
  /// Local. @param centres n x k
  /// @param bounds of the columns' moduli
  Lloyd(const Rows& rows, Small<double> centres, const std::vector<double>& bounds)
      : rows_(rows),
        k_(centres.cols),
        labels_(static_cast<std::size_t>(rows.local_m()), -1),
        parts_(static_cast<std::size_t>((2 * rows.n() + 1) * k_ + 1)),
        inertia_bins_(distance_bound(bounds), rows.m()),
        bins_(bounds, rows.m()) {
    found_.centres = std::move(centres);
  }

  /// Until no label changes, or until centres move by at most `least_shift` (the sum of squares).
  /// Collective.
  LloydState run(Index max_iter, double least_shift) {
    bool labels_are_right = false;
    while (found_.iterations < max_iter) {
      ++found_.iterations;
      const Index changed = assign();
      Small<double> moved = mpi::throw_together(rows_.comm(), [&] {
        mark_step(static_cast<double>(found_.iterations) / static_cast<double>(max_iter));
        return sums_;
      });
      relocate_empty(moved);
      const double shift = move_centres(moved);
      labels_are_right = changed == 0;
      found_.converged = labels_are_right || shift <= least_shift;
      if (found_.converged) break;
    }
    if (!labels_are_right) assign();
    found_.inertia = inertia();
    found_.labels = std::move(labels_);
    return std::move(found_);
  }

 private:
  double* high_sums(Index c) { return parts_.data() + c * rows_.n(); }
  double* low_sums(Index c) { return parts_.data() + (k_ + c) * rows_.n(); }
  double& count(Index c) { return parts_[static_cast<std::size_t>(2 * k_ * rows_.n() + c)]; }

  /// Nearest centres. @returns how many labels changed, of all ranks; sums_ and counts_ become
  /// those of all ranks. Collective; one pass.
  Index assign() {
    mpi::throw_together(rows_.comm(), [&] {
      double changed = 0;
      const typename Rows::Nearest nearest(rows_, found_.centres);
      std::array<std::int32_t, packed_rows> best{};
      rows_.for_each_panel([&](typename Rows::Panel panel, Index begin, Index rows) {
        nearest(panel, best.data());
        for (Index i = 0; i < rows; ++i) {
          std::int32_t& label = labels_[static_cast<std::size_t>(begin + i)];
          const std::int32_t now = best[static_cast<std::size_t>(i)];
          if (now == label) continue;
          move_row(panel, i, label, now);
          label = now;
          changed += 1;
        }
      });
      parts_.back() = changed;
      all_ = parts_;
    });
    mpi::allreduce(rows_.comm(), std::span<double>(all_));
    const Index kn = k_ * rows_.n();
    sums_ = Small<double>(rows_.n(), 2 * k_);
    std::copy_n(all_.begin(), 2 * kn, sums_.data.begin());
    counts_.assign(all_.begin() + 2 * kn, all_.end() - 1);
    return static_cast<Index>(all_.back());
  }

  void move_row(typename Rows::Panel panel, Index i, std::int32_t from, std::int32_t to) {
    const auto add = [&](Index c, double sign) {
      rows_.add_exactly(panel, i, sign, bins_, high_sums(c), low_sums(c));
      count(c) += sign;
    };
    if (from >= 0) add(from, -1);
    add(to, 1);
  }

  /// A cluster without rows gets the row that is farthest from its own centre, the next one the
  /// next farthest (of equal ones the first), as in scikit-learn. Collective.
  /// @param sums high parts of k clusters, then low parts
  void relocate_empty(Small<double>& sums) {
    std::vector<Index> empty;
    for (Index c = 0; c < k_; ++c) {
      if (counts_[static_cast<std::size_t>(c)] == 0) empty.push_back(c);
    }
    if (empty.empty()) return;
    const std::vector<Far> far = farthest(static_cast<Index>(empty.size()));
    if (far.front().square == 0) return;  // fewer distinct rows than clusters
    std::vector<Index> which;
    which.reserve(far.size());
    for (const Far& each : far) which.push_back(each.row);
    const Small<double> moved = rows_.fetch(which);
    for (std::size_t e = 0; e < far.size(); ++e) {
      const Index from = far[e].label;
      const Index to = empty[e];
      const double* x = moved.col(static_cast<Index>(e));
      const auto add = [&](Index c, double sign) {
        cluster_kernel<double>().add_exactly(x, rows_.n(), sign, bins_.high.data(),
                                             bins_.low.data(), sums.col(c), sums.col(k_ + c));
        counts_[static_cast<std::size_t>(c)] += sign;
      };
      add(from, -1);
      add(to, 1);
    }
  }

  struct Far {
    double square = 0;
    Index row = 0;
    Index label = 0;

    bool before(const Far& other) const {
      return square != other.square ? square > other.square : row < other.row;
    }
  };

  /// The `count` rows farthest from their centres, of all ranks. Collective.
  std::vector<Far> farthest(Index count) {
    const auto by_distance = [](const Far& a, const Far& b) { return a.before(b); };
    const auto keep = [&](std::vector<Far>& list) {
      const auto kept = std::min(static_cast<std::size_t>(count), list.size());
      std::partial_sort(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(kept), list.end(),
                        by_distance);
      list.resize(kept);
    };
    std::vector<double> squares;
    std::vector<Index> places;
    mpi::throw_together(rows_.comm(), [&] {
      const typename Rows::Distances distances(rows_, found_.centres);
      std::vector<Far> mine;
      mine.reserve(static_cast<std::size_t>(rows_.local_m()));
      for (Index i = 0; i < rows_.local_m(); ++i) {
        const Index label = labels_[static_cast<std::size_t>(i)];
        mine.push_back(
            {distances.of_row(i, label), rows_.indices()[static_cast<std::size_t>(i)], label});
      }
      keep(mine);
      for (const Far& each : mine) {
        squares.push_back(each.square);
        places.insert(places.end(), {each.row, each.label});
      }
    });
    const auto all_squares = mpi::allgather(rows_.comm(), squares);
    const auto all_places = mpi::allgather(rows_.comm(), places);
    return mpi::throw_together(rows_.comm(), [&] {
      std::vector<Far> all;
      for (std::size_t r = 0; r < all_squares.size(); ++r) {
        for (std::size_t e = 0; e < all_squares[r].size(); ++e) {
          all.push_back({all_squares[r][e], all_places[r][2 * e], all_places[r][2 * e + 1]});
        }
      }
      keep(all);
      return all;
    });
  }

  /// Means of the sums; a cluster that is empty all the same stands at the largest one's centre.
  /// @returns the sum of the squares of how far centres moved
  double move_centres(const Small<double>& sums) {
    const auto largest = std::max_element(counts_.begin(), counts_.end()) - counts_.begin();
    double shift = 0;
    const auto mean = [&](Index c, Index j) {
      return (sums(j, c) + sums(j, k_ + c)) / counts_[static_cast<std::size_t>(c)];
    };
    for (Index c = 0; c < k_; ++c) {
      const Index from = counts_[static_cast<std::size_t>(c)] > 0 ? c : largest;
      for (Index j = 0; j < rows_.n(); ++j) {
        const double now = mean(from, j);
        shift += (now - found_.centres(j, c)) * (now - found_.centres(j, c));
        found_.centres(j, c) = now;
      }
    }
    return shift;
  }

  /// Collective; one pass.
  double inertia() {
    const ExactSum sum = mpi::throw_together(rows_.comm(), [&] {
      const typename Rows::Distances distances(rows_, found_.centres);
      ExactSum mine;
      for (Index i = 0; i < rows_.local_m(); ++i) {
        mine.add(distances.of_row(i, labels_[static_cast<std::size_t>(i)]), inertia_bins_);
      }
      return mine;
    });
    return total(rows_.comm(), sum);
  }

  const Rows& rows_;
  Index k_;
  std::vector<std::int32_t> labels_;
  std::vector<double> parts_;  ///< this rank's high sums, low sums, counts, number of changes
  SumBins inertia_bins_;
  ColumnBins bins_;
  std::vector<double> all_;     ///< parts_ of all ranks
  Small<double> sums_;          ///< n x 2 k
  std::vector<double> counts_;  ///< of all ranks
  LloydState found_;
};

}  // namespace matrass::detail
