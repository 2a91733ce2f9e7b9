// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The agreement after each test.
/// Next: tests/cpp/support/test_main.cpp
#include "rank_listener.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>

namespace matrass::test {
namespace {

constexpr std::size_t longest_text = 20000;

std::string name_of(const testing::TestInfo& info) {
  return std::string(info.test_suite_name()) + "." + info.name();
}

std::string ranks_where(const std::vector<Report>& reports, bool (*holds)(const Report&)) {
  std::ostringstream text;
  for (std::size_t r = 0; r < reports.size(); ++r) {
    if (holds(reports[r])) text << ' ' << r;
  }
  return text.str();
}

bool differ(const std::vector<Report>& reports) {
  return std::ranges::any_of(
      reports, [&](const Report& report) { return report.stage != reports.front().stage; });
}

bool any(const std::vector<Report>& reports, bool (*holds)(const Report&)) {
  return !ranks_where(reports, holds).empty();
}

}  // namespace

RankListener::RankListener(Agreement& agreement, Watchdog& watchdog)
    : agreement_(agreement), watchdog_(watchdog) {}

void RankListener::OnTestPartResult(const testing::TestPartResult& result) {
  if (!result.failed() || telling_of_others_) return;
  failed_ = true;
  std::ostringstream text;
  text << (result.file_name() != nullptr ? result.file_name() : "unknown file") << ':'
       << result.line_number() << ": " << result.message() << '\n';
  texts_ += text.str();
  if (agreement_.rank() != 0) watchdog_.note(text.str());  // rank 0's are on the screen already
  if (texts_.size() > longest_text) texts_.resize(longest_text);
}

void RankListener::OnTestStart(const testing::TestInfo& info) {
  test_ = name_of(info);
  batches_ = 0;
  watchdog_.arm(test_, default_time_limit);
}

void RankListener::OnTestEnd(const testing::TestInfo& info) {
  const Report mine = report(test_, info.result()->Skipped());
  settle(meet(mine), mine);
  watchdog_.arm("after " + test_, default_time_limit);
}

bool RankListener::agree_on_batch(const std::string& name) {
  const Report mine = report(test_ + ' ' + std::to_string(++batches_) + ' ' + name, false);
  const std::vector<Report> reports = exchange(mine);
  if (differ(reports)) {
    throw std::runtime_error("some ranks did not come to the end of the part " + name +
                             " of this test: they left the test before it");
  }
  return settle(reports, mine);
}

int RankListener::agree_on_exit(int exit_code) {
  watchdog_.arm("the end of the program", default_time_limit);
  // A failure outside of a test (a test suite's set-up) is in the exit code alone by now.
  if (exit_code != 0) failed_ = true;
  const Report mine = report("the end of the program", false);
  return settle(meet(mine), mine) ? exit_code : 1;
}

Report RankListener::report(const std::string& stage, bool skipped) const {
  return {.stage = std::hash<std::string>{}(stage),
          .failed = failed_ ? 1 : 0,
          .skipped = skipped ? 1 : 0,
          .text_length = static_cast<std::int64_t>(texts_.size())};
}

std::vector<Report> RankListener::exchange(const Report& mine) {
  const std::string state = failed_ ? "failed" : "passed";
  return agreement_.exchange(mine, "waiting for the others after it " + state + " here");
}

/// The ranks that are still inside the test throw at the end of their part of it, and come here
/// next.
std::vector<Report> RankListener::meet(const Report& mine) {
  constexpr int most_tries = 100;
  for (int tries = 0; tries < most_tries; ++tries) {
    std::vector<Report> reports = exchange(mine);
    if (!differ(reports)) return reports;
  }
  std::fprintf(stderr, "[rank %d] after %s: the ranks run different tests\n", agreement_.rank(),
               test_.c_str());
  std::_Exit(EXIT_FAILURE);
}

bool RankListener::settle(const std::vector<Report>& reports, const Report& mine) {
  const std::vector<std::string> texts = agreement_.gather(texts_, reports);
  texts_.clear();
  failed_ = false;
  const bool failed = any(reports, [](const Report& x) { return x.failed != 0; });
  const bool some_skipped = any(reports, [](const Report& x) { return x.skipped != 0; });
  const bool some_ran = any(reports, [](const Report& x) { return x.skipped == 0; });
  if (!failed && some_skipped && some_ran) {
    add_failure("only ranks" +
                ranks_where(reports, [](const Report& x) { return x.skipped != 0; }) +
                " skipped the test");
    return false;
  }
  tell_of_others(texts);
  if (failed && mine.failed == 0 && agreement_.rank() != 0) add_failure("another rank failed");
  return !failed;
}

/// Equal texts are told once: a wrong argument fails in the same line on every rank.
void RankListener::tell_of_others(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> ranks_of;
  for (std::size_t r = 1; r < texts.size(); ++r) {
    if (!texts[r].empty()) ranks_of[texts[r]] += ' ' + std::to_string(r);
  }
  for (const auto& [text, ranks] : ranks_of) {
    add_failure("rank" + ranks + ":\n" + (text == texts.front() ? "the same\n" : text));
  }
}

void RankListener::add_failure(const std::string& text) {
  telling_of_others_ = true;
  ADD_FAILURE() << text;
  telling_of_others_ = false;
}

}  // namespace matrass::test
