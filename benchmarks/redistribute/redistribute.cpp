// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Redistribution against ScaLAPACK's pdgemr2d and pdtran, a plain copy and MPI_Alltoall: one JSON
/// line a case. With --sizes instead: how the time of two cases grows with the size.
/// Next: scalapack.hpp (the other side), growth.hpp, run.py (which starts this on ranks)
#include <sys/mman.h>

#include <matrass/mpi/environment.hpp>
#include <matrass/redistribute/tiles.hpp>
#include <optional>
#include <sstream>

#include "cases.hpp"
#include "contents.hpp"
#include "growth.hpp"
#include "measure.hpp"
#include "scalapack.hpp"

namespace {

using matrass::DistMatrix;
using matrass::Distribution;
using matrass::Index;
using matrass::LocalPart;
using matrass::ProcessGrid;
using matrass::Shape;

struct Options {
  Index size = 8192;
  Index tall = 1'000'000;
  int repeats = 7;
  std::string only;           ///< letters of cases; all if empty
  std::vector<double> sizes;  ///< bytes of matrices; empty: the cases of the table instead
  double memory = 0;          ///< bytes that matrices of these sizes may take; 0: see growth.hpp

  bool wanted(const std::string& letter) const {
    return only.empty() || only.find(letter) != std::string::npos;
  }
};

/// Options are written --name=value.
Options parse(int argc, char** argv) {
  Options options;
  for (int k = 1; k < argc; ++k) {
    const std::string argument = argv[k];
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    if (name == "--size") {
      options.size = std::stoll(value);
    } else if (name == "--tall") {
      options.tall = std::stoll(value);
    } else if (name == "--repeats") {
      options.repeats = std::stoi(value);
    } else if (name == "--only") {
      options.only = value;
    } else if (name == "--sizes") {
      std::istringstream list(value);
      for (std::string size; std::getline(list, size, ',');) {
        options.sizes.push_back(std::stod(size));
      }
    } else if (name == "--memory") {
      options.memory = std::stod(value);
    } else {
      throw matrass::InvalidArgument("redistribute: unknown option " + argument);
    }
  }
  return options;
}

/// Memory that is no segment of the pool, as NumPy's is: in huge pages where the system has them.
template <class T>
std::shared_ptr<T> private_buffer(Index elements) {
  const std::size_t bytes =
      std::max<std::size_t>(1, static_cast<std::size_t>(elements) * sizeof(T));
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw matrass::MemoryLimitError("bench: no memory");
  ::madvise(at, bytes, MADV_HUGEPAGE);
  return {static_cast<T*>(at), [bytes](T* p) { ::munmap(p, bytes); }};
}

/// The same matrix in memory that the ranks' programs have, adopted.
template <class T>
DistMatrix<T> adopted(const ProcessGrid& grid, const Distribution& d) {
  const Shape share = d.local_shape(grid.rank());
  const std::shared_ptr<T> memory = private_buffer<T>(share.size());
  const LocalPart<T> part{memory.get(), share, 1, std::max<Index>(1, share.rows)};
  DistMatrix<T> a = matrass::from_local<T>(grid, d, part, memory);
  fill(a);
  return a;
}

/// While one lives, redistributions go in messages.
class InMessages {
 public:
  InMessages() { matrass::wanted_path() = matrass::Path::message; }
  ~InMessages() { matrass::wanted_path() = before_; }
  InMessages(const InMessages&) = delete;
  InMessages& operator=(const InMessages&) = delete;

 private:
  matrass::Path before_ = matrass::wanted_path();
};

/// On the average, so that all ranks know the same number.
Index elements_a_rank(const Case& c) {
  return c.source.shape().size() / c.source_grid.comm().size();
}

/// What all cases print: the medians of the contenders, and how ours compares.
class Report {
 public:
  Report(const Case& c, Index item) : ranks_(c.source_grid.comm().size()) {
    const Shape shape = c.source.shape();
    bytes_ = static_cast<double>(shape.size() * item);
    line_.add("benchmark", std::string("redistribute")).add("mode", std::string("cases"));
    line_.add("letter", c.letter).add("case", c.name);
    line_.add("m", static_cast<long long>(shape.rows)).add("n", static_cast<long long>(shape.cols));
    line_.add("bytes", static_cast<long long>(shape.size()) * item);
    line_.add("ranks", static_cast<long long>(ranks_));
  }

  /// @param ours  a contender's name, the others are divided by it
  void print(const std::vector<Contender>& contenders, const std::string& ours, bool good,
             long faults) {
    const auto time = [&](const std::string& name) {
      for (const Contender& c : contenders) {
        if (c.name == name) return median(c.times);
      }
      return 0.0;
    };
    for (const Contender& c : contenders) line_.add(c.name + "_ms", median(c.times));
    const double mine = time(ours);
    const double copy = std::min(time("memcpy"), time("streamed"));
    for (const Contender& c : contenders) {
      const bool other = c.name.starts_with("pd") || c.name == "alltoall";
      if (other) line_.add("x_" + c.name, median(c.times) / mine);
    }
    line_.add("x_copy", copy / mine);
    if (const double t = time("adopted"); t > 0) line_.add("adopted_of_owned", mine / t);
    const double messages = time("message");
    if (messages > 0 && time("pdgemr2d") > 0) {
      line_.add("message_x_pdgemr2d", time("pdgemr2d") / messages);
    }
    line_.add("GB_per_s", bytes_ / (mine * 1e6));
    line_.add("copy_GB_per_s", bytes_ / (copy * 1e6));
    line_.add("faults", static_cast<long long>(faults)).add("correct", good);
    if (matrass::mpi::Communicator(MPI_COMM_WORLD).rank() == 0) line_.print();
  }

 private:
  int ranks_;
  double bytes_ = 0;
  Line line_;
};

/// A copy of the local part, in two ways, and MPI_Alltoall of it.
template <class T>
void add_limits(std::vector<Contender>& contenders, const DistMatrix<T>& a,
                const DistMatrix<T>& b) {
  const int share = static_cast<int>(add_copies(contenders, a, b) / a.grid().comm().size());
  contenders.push_back({"alltoall", [=] {
                          MPI_Alltoall(a.data(), share, matrass::mpi::datatype<T>(), b.data(),
                                       share, matrass::mpi::datatype<T>(), MPI_COMM_WORLD);
                        }});
}

/// One case of the table. @returns whether all results were right.
template <class T>
bool run_case(const Case& c, int repeats) {
  const DistMatrix<T> a(c.source_grid, c.source, false);
  const DistMatrix<T> b(c.target_grid, c.target, true);
  fill(a);
  const DistMatrix<T> own = adopted<T>(c.source_grid, c.source);
  const auto fresh = [&] { matrass::redistribute(a, c.target_grid, c.target); };
  const auto into = [&](const DistMatrix<T>& source) { matrass::redistribute_into(source, b); };
  bool good = correct(matrass::redistribute(a, c.target_grid, c.target));
  into(a);
  good = correct(b) && good;
  into(own);
  good = correct(b) && good;
  const auto message = [&] {
    const InMessages messages;
    into(a);
  };
  message();
  good = correct(b) && good;
  std::vector<Contender> contenders{{"ours", fresh},
                                    {"into", [&] { into(a); }},
                                    {"adopted", [&] { into(own); }},
                                    {"message", message}};
  std::optional<ScalapackCopy> theirs;
  if constexpr (std::same_as<T, double>) {
    const bool addressable = c.target.layout() != matrass::STAR_STAR;
    if (addressable) theirs.emplace(c.source, c.target);
  }
  if (theirs) {
    const auto gemr2d = [&] {
      (*theirs)(reinterpret_cast<double*>(a.data()), reinterpret_cast<double*>(b.data()));
    };
    gemr2d();
    good = correct(b) && good;
    contenders.push_back({"pdgemr2d", gemr2d});
  }
  add_limits(contenders, a, b);
  run_in_turn(contenders, repeats, elements_a_rank(c));
  Report(c, sizeof(T)).print(contenders, "ours", good, faults_of(fresh));
  return good;
}

/// Row chunks of C-ordered arrays, four on each rank, as Dask has them.
bool run_chunks(const Case& c, int repeats) {
  const int chunks = 4;
  const DistMatrix<double> a(c.source_grid, c.source, false);  // for the copy
  const Shape share = a.local_shape();
  const Index n = c.source.shape().cols;
  const Index i0 = a.local_rows().empty() ? 0 : a.local_rows().front();
  const std::shared_ptr<double> memory = private_buffer<double>(share.size());
  std::vector<matrass::Tile<const double>> tiles;
  for (int k = 0; k < chunks; ++k) {
    const Index begin = share.rows * k / chunks;
    const Index end = share.rows * (k + 1) / chunks;
    tiles.push_back({i0 + begin, 0, {memory.get() + begin * n, {end - begin, n}, n, 1}});
  }
  for (Index i = 0; i < share.rows; ++i) {
    for (Index j = 0; j < n; ++j) {
      memory.get()[i * n + j] = element<double>(i0 + i, j, c.source.shape().rows);
    }
  }
  const auto ours = [&] { return matrass::from_tiles<double>(c.target_grid, tiles, c.target); };
  const bool good = correct(ours());
  const DistMatrix<double> b(c.target_grid, c.target, true);
  std::vector<Contender> contenders{{"ours", [&] { ours(); }}};
  add_limits(contenders, a, b);
  run_in_turn(contenders, repeats, elements_a_rank(c));
  Report(c, sizeof(double)).print(contenders, "ours", good, faults_of([&] { ours(); }));
  return good;
}

/// The transposed matrix in the distribution of the matrix itself.
bool run_transpose(const Case& c, int repeats) {
  const DistMatrix<double> a(c.source_grid, c.source, false);
  const DistMatrix<double> b(c.target_grid, c.target, true);
  fill(a);
  const auto ours = [&] { matrass::redistribute(a.transposed(), c.target_grid, c.target); };
  bool good = correct(matrass::redistribute(a.transposed(), c.target_grid, c.target), true);
  const ScalapackTranspose theirs(c.source);
  theirs(a.data(), b.data());
  good = correct(b, true) && good;
  std::vector<Contender> contenders{{"ours", ours},
                                    {"pdtran", [&] { theirs(a.data(), b.data()); }}};
  add_limits(contenders, a, b);
  run_in_turn(contenders, repeats, elements_a_rank(c));
  Report(c, sizeof(double)).print(contenders, "ours", good, faults_of(ours));
  return good;
}

bool run_all(const Options& options) {
  const Cases cases(options.size, options.tall);
  bool good = true;
  for (const Case& c : cases.main()) {
    if (options.wanted(c.letter)) good = run_case<double>(c, options.repeats) && good;
  }
  for (const Case& c : cases.from_chunks()) {
    if (options.wanted(c.letter)) good = run_chunks(c, options.repeats) && good;
  }
  if (options.wanted("g")) good = run_transpose(cases.transposed(), options.repeats) && good;
  if (!options.wanted("i")) return good;
  for (const Case& c : cases.more()) good = run_case<double>(c, options.repeats) && good;
  Case c = cases.main()[2];
  c.letter = "i";
  c.name = "row partition -> [VC,STAR] 1, float32";
  good = run_case<float>(c, options.repeats) && good;
  c.name = "row partition -> [VC,STAR] 1, complex128";
  return run_case<std::complex<double>>(c, options.repeats) && good;
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  const matrass::mpi::Environment environment(argc, argv);
  const Options options = parse(argc, argv);
  const bool good = options.sizes.empty()
                        ? run_all(options)
                        : run_growth(options.sizes, options.repeats, options.memory);
  return good ? 0 : 1;
}
