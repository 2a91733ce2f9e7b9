// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A collective call as ranks compare it: its name and a hash of its arguments.
/// Next: mpi/agree.hpp
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <matrass/core/types.hpp>
#include <string>
#include <string_view>
#include <type_traits>

namespace matrass::mpi {

/// What every rank has to call alike. Ranks that call something else, or with other arguments,
/// would wait for each other for ever or exchange nonsense; compared in the agreement that every
/// collective begins with (mpi/agree.hpp), it becomes an error.
///
/// Arguments: numbers, enumerations, text, and whatever has a free function `call_hash`.
class Call {
 public:
  template <class... Arguments>
  explicit Call(std::string_view name, const Arguments&... arguments) : name_(name) {
    mix(hash_of(name));
    (mix(hash_of(arguments)), ...);
  }

  std::string_view name() const { return name_; }
  std::uint64_t hash() const { return hash_; }

 private:
  /// SplitMix64's finalizer over the hash so far and the next value.
  void mix(std::uint64_t value) {
    std::uint64_t z = hash_ + 0x9e3779b97f4a7c15U + value;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    hash_ = z ^ (z >> 31U);
  }

  template <class T>
  static std::uint64_t hash_of(const T& value) {
    if constexpr (std::integral<T> || std::is_enum_v<T>) {
      return static_cast<std::uint64_t>(value);
    } else if constexpr (std::floating_point<T>) {
      return std::bit_cast<std::uint64_t>(static_cast<double>(value));
    } else if constexpr (Scalar<T>) {
      return Call("complex", value.real(), value.imag()).hash();
    } else if constexpr (std::convertible_to<T, std::string_view>) {
      std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
      for (const char c : std::string_view(value)) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
      }
      return hash;
    } else {
      return call_hash(value);
    }
  }

  std::string name_;
  std::uint64_t hash_ = 0;
};

}  // namespace matrass::mpi

namespace matrass {
inline std::uint64_t call_hash(const Shape& shape) {
  return mpi::Call("shape", shape.rows, shape.cols).hash();
}
}  // namespace matrass
