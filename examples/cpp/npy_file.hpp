// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A matrix of doubles in a .npy file, of which each rank reads its own rows.
///
/// The format: the bytes "\x93NUMPY", a version, the length of the header, the header (a Python
/// dictionary in text), and then the elements; in Fortran order column by column.
/// Next: flights_svd.cpp
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <matrass/matrass.hpp>
#include <stdexcept>
#include <string>

namespace example {

class NpyFile {
 public:
  /// Opens the file and reads its header.
  /// @throws std::runtime_error unless it holds a matrix of doubles in Fortran order.
  explicit NpyFile(const std::string& path) : file_(path, std::ios::binary), path_(path) {
    if (!file_) fail("cannot be opened (examples/python/flights_dask.py writes it)");
    char magic[8] = {};
    file_.read(magic, sizeof magic);
    if (std::string(magic, 6) != "\x93NUMPY") fail("is no .npy file");
    // Version 1 counts the header's bytes with two bytes, later ones with four; little-endian.
    const int digits = magic[6] == 1 ? 2 : 4;
    unsigned char length[4] = {};
    file_.read(reinterpret_cast<char*>(length), digits);
    std::string header(length[0] + (length[1] << 8U) + (length[2] << 16U), ' ');
    file_.read(header.data(), static_cast<std::streamsize>(header.size()));
    if (!file_) fail("ends within its header");
    start_ = file_.tellg();
    if (field(header, "descr") != "'<f8'") fail("must hold doubles ('<f8')");
    if (field(header, "fortran_order") != "True") fail("must be in Fortran order");
    long long rows = 0;
    long long cols = 0;
    if (std::sscanf(field(header, "shape").c_str(), "(%lld, %lld)", &rows, &cols) != 2) {
      fail("must hold a matrix");
    }
    shape_ = {rows, cols};
  }

  matrass::Shape shape() const { return shape_; }

  /// Reads `count` elements of column j, from row i0 on, to `to`.
  void read(matrass::Index i0, matrass::Index j, matrass::Index count, double* to) {
    const auto bytes = static_cast<std::streamsize>(sizeof(double));
    file_.seekg(start_ + (j * shape_.rows + i0) * bytes);
    file_.read(reinterpret_cast<char*>(to), count * bytes);
    if (!file_) fail("ends before its last element");
  }

 private:
  /// The text of a field of the header: up to the comma, or to the parenthesis of a tuple.
  static std::string field(const std::string& header, const std::string& name) {
    const std::size_t key = header.find("'" + name + "': ");
    if (key == std::string::npos) return "";
    const std::size_t begin = key + name.size() + 4;
    const std::size_t end = header.find(header[begin] == '(' ? ')' : ',', begin);
    return header.substr(begin, end == std::string::npos ? end : end - begin);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(path_ + " " + what);
  }

  std::ifstream file_;
  std::string path_;
  std::streamoff start_ = 0;
  matrass::Shape shape_;
};

}  // namespace example
