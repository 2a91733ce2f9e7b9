// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The cosine of many numbers, which random_features.hpp includes once for each instruction set.
/// Next: algorithm/random_features.hpp
//
// Included several times, so without an include guard, inside a namespace and a target region, with
//   MATRASS_VECTOR_BYTES  bytes of a vector register

/// out[i] = factor cos(x[i]) for count numbers, a multiple of 8, of modulus below 2^19: to 2 eps.
/// Source: fdlibm's reduction by three parts of pi / 2 and its polynomials.
inline void cosines(const double* x, Index count, double factor, double* out) {
  using V [[gnu::vector_size(MATRASS_VECTOR_BYTES), gnu::may_alias, gnu::aligned(8)]] = double;
  using I [[gnu::vector_size(MATRASS_VECTOR_BYTES)]] = std::int64_t;
  constexpr int lanes = MATRASS_VECTOR_BYTES / 8;
  constexpr double whole = 0x1.8p52;  // adding it rounds to an integer, in the lowest bits
  for (Index i = 0; i < count; i += lanes) {
    const V v = *reinterpret_cast<const V*>(x + i);
    const V shifted = v * 6.36619772367581382433e-01 + whole;
    const V turns = shifted - whole;
    const I quarter = reinterpret_cast<I>(shifted);
    const V r = ((v - turns * 1.57079632673412561417e+00) - turns * 6.07710050630396597660e-11) -
                turns * 2.02226624879595063154e-21;
    const V z = r * r;
    const V c =
        4.16666666666666019037e-02 +
        z * (-1.38888888888741095749e-03 +
             z * (2.48015872894767294178e-05 +
                  z * (-2.75573143513906633035e-07 +
                       z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11))));
    const V s = -1.66666666666666324348e-01 +
                z * (8.33333333332248946124e-03 +
                     z * (-1.98412698298579493134e-04 +
                          z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 +
                                                                 z * 1.58969099521155010221e-10))));
    const V cosine = 1 - (z * 0.5 - z * z * c);
    const V sine = r + r * z * s;
    const V value = (quarter & 1) != 0 ? sine : cosine;
    const I negative = ((quarter + 1) & 2) != 0;  // in the second and third quarter
    *reinterpret_cast<V*>(out + i) = factor * (negative ? -value : value);
  }
}
