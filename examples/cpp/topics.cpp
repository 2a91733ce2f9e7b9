// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What documents are about: latent semantic analysis, the truncated SVD of a sparse matrix of
/// words and documents.
///
///     mpiexec.mpich -n 4 topics [documents, 1200]
///
/// Document j is about topic j % 8 and uses only the words of it: word i belongs to topic 3 i % 8.
/// A word's weight is u(i) v(j), so that each topic is a matrix of rank 1 whose one singular value
/// is ||u|| ||v|| over its words and documents. The SVD must find these values, and which documents
/// belong together, without being told of topics.
/// Next: docs/linalg.md
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <matrass/matrass.hpp>
#include <vector>

using matrass::Index;

namespace {

constexpr Index topics = 8;
constexpr Index words = 2000;

Index topic_of_word(Index i) { return 3 * i % topics; }
Index topic_of_document(Index j) { return j % topics; }

/// Words differ in how rare they are, documents in how long: and each topic has longer ones than
/// the next, so that all singular values differ.
double weight_of_word(Index i) { return 1 + static_cast<double>(i * 37 % 101) / 100; }
double weight_of_document(Index j) {
  const double topic = static_cast<double>(topic_of_document(j));
  return (1 + static_cast<double>(j * 53 % 89) / 88) * std::pow(0.8, topic);
}

/// ||u|| ||v|| of each topic, descending.
std::vector<double> exact_values(Index documents) {
  std::vector<double> u(topics);
  std::vector<double> v(topics);
  for (Index i = 0; i < words; ++i) {
    u[static_cast<std::size_t>(topic_of_word(i))] += std::pow(weight_of_word(i), 2);
  }
  for (Index j = 0; j < documents; ++j) {
    v[static_cast<std::size_t>(topic_of_document(j))] += std::pow(weight_of_document(j), 2);
  }
  std::vector<double> s;
  for (std::size_t t = 0; t < u.size(); ++t) s.push_back(std::sqrt(u[t] * v[t]));
  std::sort(s.rbegin(), s.rend());
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  const matrass::mpi::Environment env(argc, argv);
  const matrass::ProcessGrid grid(MPI_COMM_WORLD);
  const Index documents = argc > 1 ? std::max(80, std::atoi(argv[1])) : 1200;

  // Any rank may have any document: here they are dealt in turn. from_triplets brings each row, a
  // word, to its owner.
  std::vector<Index> rows;
  std::vector<Index> columns;
  std::vector<double> values;
  for (Index j = grid.rank(); j < documents; j += grid.comm().size()) {
    for (Index i = 0; i < words; ++i) {
      if (topic_of_word(i) != topic_of_document(j)) continue;
      rows.push_back(i);
      columns.push_back(j);
      values.push_back(weight_of_word(i) * weight_of_document(j));
    }
  }
  const matrass::Triplets<double> mine{static_cast<Index>(values.size()), rows.data(),
                                       columns.data(), values.data()};
  const auto a = matrass::from_triplets(grid, mine, {words, documents});

  const auto [u, s, v, residual] = matrass::truncated_svd(a, topics);

  const std::vector<double> exact = exact_values(documents);
  double error = 0;
  for (std::size_t t = 0; t < exact.size(); ++t) {
    error = std::max(error, std::abs(s[t] - exact[t]) / exact[0]);
    if (grid.rank() == 0) {
      std::printf("topic %zu: singular value %.6f, exact %.6f, residual %.1e\n", t + 1, s[t],
                  exact[t], residual[t]);
    }
  }

  // V is on every rank. A document lies on the axis of its topic: its largest coordinate, times the
  // singular value, names it; documents of one topic must have one axis, those of two topics two.
  std::vector<Index> axis(topics, -1);
  Index wrong = 0;
  for (Index j = 0; j < documents; ++j) {
    Index largest = 0;
    for (Index t = 1; t < topics; ++t) {
      const auto size = [&](Index c) {
        return std::abs(v.part()(j, c)) * s[static_cast<std::size_t>(c)];
      };
      if (size(t) > size(largest)) largest = t;
    }
    Index& of_topic = axis[static_cast<std::size_t>(topic_of_document(j))];
    if (of_topic < 0) of_topic = largest;
    wrong += of_topic == largest ? 0 : 1;
  }
  std::sort(axis.begin(), axis.end());
  const bool apart = std::unique(axis.begin(), axis.end()) == axis.end();
  if (grid.rank() == 0) {
    std::printf("%lld documents, %lld entries: %lld documents misplaced, largest error %.1e\n",
                static_cast<long long>(documents), static_cast<long long>(a.nnz()),
                static_cast<long long>(wrong), error);
  }
  return error < 1e-12 && wrong == 0 && apart ? 0 : 1;
}
