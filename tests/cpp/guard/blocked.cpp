// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Every kind of blocking call, plain and `_c`, blocked at once, each in a thread and communicator
/// of its own: rank 0 waits for rank 1, which takes part in nothing; then rank 0 sets its own flag.
/// All threads must be out within a second: by Interrupted (argument "scope"), or by one error code
/// whose text is the reason (argument "code"), with MPI_ERRORS_ARE_FATAL on half of the
/// communicators. Next: tests/python/guard/test_blocked_calls.py
#include <mpi.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "matrass/mpi/guard.hpp"

namespace guard = matrass::guard;
using namespace std::chrono_literals;

namespace {

constexpr int big = 1 << 20;  // a shorter send would not wait for its receiver
std::vector<int> long_message(big);

/// Buffers and arguments of one call; each thread has its own.
struct Args {
  MPI_Comm comm;
  std::array<int, 4> in{}, out{};
  std::array<int, 2> counts{1, 1}, offsets{0, 1};
  std::array<MPI_Count, 2> big_counts{1, 1};
  std::array<MPI_Aint, 2> big_offsets{0, 1};
  std::array<MPI_Datatype, 2> types{MPI_INT, MPI_INT};
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Status status;
  MPI_Comm made = MPI_COMM_NULL;
  MPI_Win window = MPI_WIN_NULL;
};

struct Case {
  std::string name;
  std::function<int(Args&)> call;
};

/// A call in its plain and its large-count form.
#define MATRASS_BOTH(name, ...)                                        \
  Case{#name, [](Args& a) { return MPI_##name(__VA_ARGS__); }}, Case { \
    #name "_c", [](Args& a) { return MPI_##name##_c(__VA_ARGS__); }    \
  }
#define MATRASS_CASE(name, ...)                            \
  Case {                                                   \
    #name, [](Args& a) { return MPI_##name(__VA_ARGS__); } \
  }

std::vector<Case> point_to_point() {
  return {
      MATRASS_BOTH(Send, long_message.data(), big, MPI_INT, 1, 0, a.comm),
      MATRASS_BOTH(Ssend, a.in.data(), 1, MPI_INT, 1, 0, a.comm),
      MATRASS_BOTH(Recv, a.in.data(), 1, MPI_INT, 1, 0, a.comm, &a.status),
      MATRASS_BOTH(Sendrecv, a.in.data(), 1, MPI_INT, 1, 0, a.out.data(), 1, MPI_INT, 1, 0, a.comm,
                   &a.status),
      MATRASS_BOTH(Sendrecv_replace, a.in.data(), 1, MPI_INT, 1, 0, 1, 0, a.comm, &a.status),
      MATRASS_CASE(Probe, 1, 0, a.comm, &a.status),
      {"Mprobe",
       [](Args& a) {
         MPI_Message message;
         return MPI_Mprobe(1, 0, a.comm, &message, &a.status);
       }},
      {"Wait",
       [](Args& a) {
         MPI_Irecv(a.in.data(), 1, MPI_INT, 1, 0, a.comm, &a.request);
         return MPI_Wait(&a.request, &a.status);
       }},
      {"Wait, persistent",
       [](Args& a) {
         MPI_Recv_init(a.in.data(), 1, MPI_INT, 1, 0, a.comm, &a.request);
         MPI_Start(&a.request);
         return MPI_Wait(&a.request, &a.status);
       }},
      {"Waitall",
       [](Args& a) {
         MPI_Irecv(a.in.data(), 1, MPI_INT, 1, 0, a.comm, &a.request);
         return MPI_Waitall(1, &a.request, MPI_STATUSES_IGNORE);
       }},
      {"Waitany",
       [](Args& a) {
         int index;
         MPI_Irecv(a.in.data(), 1, MPI_INT, 1, 0, a.comm, &a.request);
         return MPI_Waitany(1, &a.request, &index, &a.status);
       }},
      {"Waitsome",
       [](Args& a) {
         int index, count;
         MPI_Irecv(a.in.data(), 1, MPI_INT, 1, 0, a.comm, &a.request);
         return MPI_Waitsome(1, &a.request, &count, &index, MPI_STATUSES_IGNORE);
       }},
  };
}

std::vector<Case> collectives() {
  return {
      MATRASS_CASE(Barrier, a.comm),
      MATRASS_BOTH(Gather, a.in.data(), 1, MPI_INT, a.out.data(), 1, MPI_INT, 0, a.comm),
      MATRASS_BOTH(Scatter, a.in.data(), 1, MPI_INT, a.out.data(), 1, MPI_INT, 1, a.comm),
      MATRASS_BOTH(Allgather, a.in.data(), 1, MPI_INT, a.out.data(), 1, MPI_INT, a.comm),
      MATRASS_BOTH(Alltoall, a.in.data(), 1, MPI_INT, a.out.data(), 1, MPI_INT, a.comm),
      MATRASS_BOTH(Bcast, a.in.data(), 1, MPI_INT, 1, a.comm),
      MATRASS_BOTH(Reduce, a.in.data(), a.out.data(), 1, MPI_INT, MPI_SUM, 0, a.comm),
      MATRASS_BOTH(Allreduce, a.in.data(), a.out.data(), 1, MPI_INT, MPI_SUM, a.comm),
      MATRASS_BOTH(Reduce_scatter_block, a.in.data(), a.out.data(), 1, MPI_INT, MPI_SUM, a.comm),
      MATRASS_CASE(Gatherv, a.in.data(), 1, MPI_INT, a.out.data(), a.counts.data(),
                   a.offsets.data(), MPI_INT, 0, a.comm),
      MATRASS_CASE(Gatherv_c, a.in.data(), 1, MPI_INT, a.out.data(), a.big_counts.data(),
                   a.big_offsets.data(), MPI_INT, 0, a.comm),
      MATRASS_CASE(Scatterv, a.in.data(), a.counts.data(), a.offsets.data(), MPI_INT, a.out.data(),
                   1, MPI_INT, 1, a.comm),
      MATRASS_CASE(Scatterv_c, a.in.data(), a.big_counts.data(), a.big_offsets.data(), MPI_INT,
                   a.out.data(), 1, MPI_INT, 1, a.comm),
      MATRASS_CASE(Allgatherv, a.in.data(), 1, MPI_INT, a.out.data(), a.counts.data(),
                   a.offsets.data(), MPI_INT, a.comm),
      MATRASS_CASE(Allgatherv_c, a.in.data(), 1, MPI_INT, a.out.data(), a.big_counts.data(),
                   a.big_offsets.data(), MPI_INT, a.comm),
      MATRASS_CASE(Alltoallv, a.in.data(), a.counts.data(), a.offsets.data(), MPI_INT, a.out.data(),
                   a.counts.data(), a.offsets.data(), MPI_INT, a.comm),
      MATRASS_CASE(Alltoallv_c, a.in.data(), a.big_counts.data(), a.big_offsets.data(), MPI_INT,
                   a.out.data(), a.big_counts.data(), a.big_offsets.data(), MPI_INT, a.comm),
      MATRASS_CASE(Alltoallw, a.in.data(), a.counts.data(), a.offsets.data(), a.types.data(),
                   a.out.data(), a.counts.data(), a.offsets.data(), a.types.data(), a.comm),
      MATRASS_CASE(Alltoallw_c, a.in.data(), a.big_counts.data(), a.big_offsets.data(),
                   a.types.data(), a.out.data(), a.big_counts.data(), a.big_offsets.data(),
                   a.types.data(), a.comm),
      MATRASS_CASE(Reduce_scatter, a.in.data(), a.out.data(), a.counts.data(), MPI_INT, MPI_SUM,
                   a.comm),
      MATRASS_CASE(Reduce_scatter_c, a.in.data(), a.out.data(), a.big_counts.data(), MPI_INT,
                   MPI_SUM, a.comm),
  };
}

std::vector<Case> makers() {
  return {
      MATRASS_CASE(Comm_dup, a.comm, &a.made),
      MATRASS_CASE(Comm_dup_with_info, a.comm, MPI_INFO_NULL, &a.made),
      MATRASS_CASE(Comm_split, a.comm, 0, 0, &a.made),
      MATRASS_CASE(Comm_split_type, a.comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &a.made),
      MATRASS_CASE(Intercomm_create, MPI_COMM_SELF, 0, a.comm, 1, 7, &a.made),
      {"Comm_create",
       [](Args& a) {
         MPI_Group group;
         MPI_Comm_group(a.comm, &group);
         return MPI_Comm_create(a.comm, group, &a.made);
       }},
      {"Cart_create",
       [](Args& a) {
         return MPI_Cart_create(a.comm, 1, std::array{2}.data(), std::array{0}.data(), 0, &a.made);
       }},
      {"Win_allocate",
       [](Args& a) {
         void* base;
         MPI_Win win;
         return MPI_Win_allocate(8, 1, MPI_INFO_NULL, a.comm, static_cast<void*>(&base), &win);
       }},
      {"Win_set_info", [](Args& a) { return MPI_Win_set_info(a.window, MPI_INFO_NULL); }},
      {"File_open",
       [](Args& a) {
         MPI_File file;
         return MPI_File_open(a.comm, "/dev/null", MPI_MODE_RDONLY, MPI_INFO_NULL, &file);
       }},
  };
}

std::string text_of(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (code != MPI_SUCCESS) MPI_Error_string(code, text.data(), &length);
  return text.data();
}

/// Seconds that a thread was ready to run and other work had its core; 0 if not known.
double waited_for_a_core(const std::string& thread) {
  double ran = 0, waited = 0;
  std::ifstream("/proc/self/task/" + thread + "/schedstat") >> ran >> waited;
  return 1e-9 * waited;
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// How one case's thread ended: "thrown: text", "code: text" or "returned".
struct Ending {
  std::string thread, text;
  double waited_at_flag = 0, waited = 0;  ///< for a core, seconds
};

/// Seconds since the flag in which this process had no core: the longest that one of its threads
/// waited for one, less what its other threads ran meanwhile. The tests' deadline is about the
/// guard, not about how busy the machine is.
double starved(const std::vector<Ending>& endings, double processor_seconds_used) {
  double longest = 0;
  for (const Ending& e : endings) longest = std::max(longest, e.waited - e.waited_at_flag);
  return std::max(0.0, longest - processor_seconds_used);
}

void run(const Case& c, Args& args, bool scope, std::atomic<int>& started, Ending& ending) {
  std::string& out = ending.text;
  ending.thread = std::to_string(gettid());
  ++started;
  try {
    if (scope) {
      const guard::Scope inside;
      c.call(args);
      out = "returned";
    } else {
      const int code = c.call(args);
      out = code == MPI_SUCCESS ? "returned" : "code: " + text_of(code);
    }
  } catch (const guard::Interrupted& e) {
    out = std::string("thrown: ") + e.what();
  }
  ending.waited = waited_for_a_core(ending.thread);
}

/// Prints one line a case; the Python side judges.
void block_all(const std::vector<Case>& cases, std::vector<Args>& args, bool scope) {
  std::vector<Ending> endings(cases.size());
  std::vector<std::thread> threads;
  std::atomic<int> started{0}, ended{0};
  for (std::size_t i = 0; i < cases.size(); ++i)
    threads.emplace_back([&, i] {
      run(cases[i], args[i], scope, started, endings[i]);
      ++ended;
    });
  while (started < static_cast<int>(cases.size())) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(300ms);
  std::printf("ended before the flag: %d\n", ended.load());
  for (Ending& e : endings) e.waited_at_flag = waited_for_a_core(e.thread);
  const double processor_before = processor_seconds();
  const auto flag_set = std::chrono::steady_clock::now();
  guard::interrupt(guard::Kind::rank_lost, "rank 1 is busy elsewhere");
  while (ended < static_cast<int>(cases.size()) &&
         std::chrono::steady_clock::now() - flag_set < 10s)
    std::this_thread::sleep_for(1ms);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - flag_set;
  std::printf("seconds: %.3f\n",
              seconds.count() - starved(endings, processor_seconds() - processor_before));
  for (std::size_t i = 0; i < cases.size(); ++i)
    std::printf("case %s: %s\n", cases[i].name.c_str(),
                endings[i].text.empty() ? "still blocked" : endings[i].text.c_str());
  std::fflush(stdout);
  if (ended < static_cast<int>(cases.size())) std::_Exit(1);  // threads cannot be joined
  for (auto& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  int provided = 0, rank = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::vector<Case> cases;
  for (const auto& more : {point_to_point(), collectives(), makers()})
    cases.insert(cases.end(), more.begin(), more.end());
  std::vector<Args> args(cases.size());
  for (std::size_t i = 0; i < args.size(); ++i) {
    MPI_Comm_dup(MPI_COMM_WORLD, &args[i].comm);
    if (cases[i].name == "Win_set_info")
      MPI_Win_create_dynamic(MPI_INFO_NULL, args[i].comm, &args[i].window);
    MPI_Comm_set_errhandler(args[i].comm, i % 2 == 0 ? MPI_ERRORS_ARE_FATAL : MPI_ERRORS_RETURN);
  }
  if (rank == 0) {
    block_all(cases, args, mode == "scope");
    const int code =
        MPI_Barrier(MPI_COMM_WORLD);  // later calls: at once, even where errors are fatal
    std::printf("afterwards: %s\n", text_of(code).c_str());
  } else {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {  // until the test closes the pipe
    }
    guard::interrupt(guard::Kind::cancelled, "the test is over");
  }
  return MPI_Finalize();
}
