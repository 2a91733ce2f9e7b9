// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What planning alone costs a rank: one JSON line a case, medians in microseconds. No ranks are
/// needed: grids of any size are arithmetic. Next: redistribute.cpp (what moves)
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <matrass/redistribute/plan_cache.hpp>
#include <string>
#include <vector>

namespace {

using matrass::Block;
using matrass::Distribution;
using matrass::GridMap;
using matrass::GridOrder;
using matrass::Index;
using matrass::Layout;
using matrass::Plan;
using matrass::Shape;

struct Side {
  std::string name;
  Distribution distribution;
};

Distribution dealt(int rows, int cols, Shape shape, Layout layout, Index block) {
  const GridMap grid{{rows, cols}, GridOrder::column_major, rows * cols};
  if (block == 0) return {grid, shape, layout};  // the default: contiguous parts
  return {grid, shape, layout, {.block = Block{block, block}}};
}

/// The median time of `f` in microseconds of the processor, so that what else runs on the machine
/// does not count; what is fast is called several times for each figure.
template <class F>
double microseconds(int repeats, F&& f) {
  const auto time = [&](int calls) {
    const std::clock_t start = std::clock();
    for (int call = 0; call < calls; ++call) f();
    return static_cast<double>(std::clock() - start) * 1e6 / CLOCKS_PER_SEC / calls;
  };
  f();
  const int calls = std::clamp(static_cast<int>(1000.0 / (time(10) + 0.1)), 1, 10000);
  std::vector<double> times(static_cast<std::size_t>(repeats));
  for (double& t : times) t = time(calls);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

std::size_t transfers(const Plan& plan) {
  std::size_t count = 0;
  for (const auto& stream : plan.sends) count += stream.transfers.size();
  for (const auto& stream : plan.receives) count += stream.transfers.size();
  return count;
}

/// Times the slowest of some ranks: the first, the last and some between.
void run_case(const Side& source, const Side& target) {
  const int ranks = source.distribution.grid().comm_size;
  const int sampled = std::min(ranks, 5);
  double plan_us = 0.0;
  double cached_us = 0.0;
  double cost_us = 0.0;
  std::size_t count = 0;
  for (int k = 0; k < sampled; ++k) {
    const int rank = static_cast<int>(static_cast<Index>(ranks - 1) * k / (sampled - 1));
    const auto& a = source.distribution;
    const auto& b = target.distribution;
    const double us =
        microseconds(7, [&] { count = transfers(*matrass::plan_between(a, b, rank)); });
    plan_us = std::max(plan_us, us);
    cached_us = std::max(cached_us, microseconds(5, [&] { matrass::cached_plan(a, b, rank); }));
    cost_us = std::max(cost_us, microseconds(5, [&] { matrass::plan_cost(a, b, rank); }));
  }
  const Shape shape = source.distribution.shape();
  std::printf(
      "{\"benchmark\": \"redistribute\", \"mode\": \"plan\", \"case\": \"%s -> %s\", \"ranks\": "
      "%d, "
      "\"sampled\": %d, ",
      source.name.c_str(), target.name.c_str(), ranks, sampled);
  std::printf("\"m\": %lld, \"n\": %lld, ", static_cast<long long>(shape.rows),
              static_cast<long long>(shape.cols));
  std::printf("\"transfers\": %zu, \"plan_us\": %.4g, \"cached_us\": %.4g, \"cost_us\": %.4g}\n",
              count, plan_us, cached_us, cost_us);
  std::fflush(stdout);
}

/// The cases of redistribute.cpp, on 4 ranks.
void run_small() {
  const int p = 4;
  const Shape square{8192, 8192};
  const Shape tall{1'000'000, 64};
  const auto rows = [&](Shape shape) { return dealt(p, 1, shape, matrass::VC_STAR, 0); };
  const auto cyclic = [&](Shape shape) { return dealt(p, 1, shape, matrass::VC_STAR, 1); };
  run_case({"[MC,MR] 64 on p x 1", dealt(p, 1, square, matrass::MC_MR, 64)},
           {"[MC,MR] 128 on 1 x p", dealt(1, p, square, matrass::MC_MR, 128)});
  run_case({"row partition", rows(square)},
           {"[MC,MR] 64 on p x 1", dealt(p, 1, square, matrass::MC_MR, 64)});
  run_case({"row partition", rows(square)}, {"[VC,STAR] 1", cyclic(square)});
  run_case({"row partition", rows(tall)}, {"[VC,STAR] 1", cyclic(tall)});
  run_case({"[VC,STAR] 1", cyclic(square)},
           {"[MC,MR] 1 on 1 x p", dealt(1, p, square, matrass::MC_MR, 1)});
}

/// All pairs of some layouts of a tall matrix on 4096 ranks.
void run_large(int rows, int cols) {
  const Shape shape{1'000'000'000, 1000};
  const std::string grid = " on " + std::to_string(rows) + " x " + std::to_string(cols);
  std::vector<Side> sides;
  const auto add = [&](Layout layout, Index block) {
    const std::string size = block == 0 ? " contiguous" : " " + std::to_string(block);
    sides.push_back(
        {matrass::to_string(layout) + size + grid, dealt(rows, cols, shape, layout, block)});
  };
  add(matrass::MC_MR, 64);
  add(matrass::VC_STAR, 64);
  add(matrass::VC_STAR, 0);
  add(matrass::STAR_VC, 64);
  add(matrass::VR_STAR, 64);
  add(matrass::MC_STAR, 64);
  add(matrass::VC_STAR, 1);
  const std::size_t sources = sides.size();
  add(matrass::STAR_STAR, 64);  // a target only
  for (std::size_t s = 0; s < sources; ++s) {
    for (std::size_t t = 0; t < sides.size(); ++t) {
      if (s != t) run_case(sides[s], sides[t]);
    }
  }
}

}  // namespace

int main() {
  run_small();
  run_large(64, 64);
  run_large(4096, 1);
  run_large(1, 4096);
}
