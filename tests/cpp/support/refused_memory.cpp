// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// operator new of a program that is refused memory. A source of its own: where the compiler sees
/// into one of new and delete only, it takes them for a mismatch.
/// Next: tests/cpp/algorithm/test_out_of_memory.cpp
#include "refused_memory.hpp"

#include <cstdlib>

namespace {

void* allocate(std::size_t size, std::size_t alignment) {
  matrass::test::Allocations::here().add(size);
  const std::size_t rounded = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment;
  void* at = std::aligned_alloc(alignment, rounded * alignment);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, 16); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
