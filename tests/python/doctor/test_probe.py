# SPDX-License-Identifier: BSD-3-Clause
"""What the doctor reads off libraries that no test machine has, and what it then says."""

import pytest
import stand_in
from matrass.doctor import probe, report

NUMROC = """
#include <stdint.h>
{integer} numroc_(const {integer}* n, const {integer}* nb, const {integer}* p,
                  const {integer}* source, const {integer}* procs) {{
  if (*n < 0) return 0;
  const {integer} blocks = *n / *nb, mine = blocks / *procs + (*p < blocks % *procs);
  return mine * *nb;
}}
"""
IDAMAX = """
#include <stdint.h>
{integer} idamax_(const {integer}* n, const double* x, const {integer}* step) {{
  {integer} best = 0;
  for ({integer} i = 0; i < *n; ++i)
    if (best == 0 || x[i * *step] > x[(best - 1) * *step]) best = i + 1;
  return best;
}}
"""
OPENBLAS = """
char* openblas_get_config(void) {{ return "OpenBLAS 0.3.99"; }}
int openblas_get_num_threads(void) {{ return {threads}; }}
"""


@pytest.mark.parametrize("bits", [32, 64])
def test_the_integers_of_a_scalapack(tmp_path, bits):
    code = NUMROC.format(integer=f"int{bits}_t")
    path = tmp_path / f"libscalapack{bits}.so.2.2"
    stand_in.library(tmp_path, path.name, code)
    about = probe.about_scalapack(path)
    assert about == {"file": str(path), "version": "2.2", "int_bits": bits}


@pytest.mark.parametrize("bits", [32, 64])
def test_the_integers_and_threads_of_a_blas(tmp_path, bits):
    code = IDAMAX.format(integer=f"int{bits}_t") + OPENBLAS.format(threads=bits // 16)
    path = tmp_path / f"libopenblas{bits}.so"
    stand_in.library(tmp_path, path.name, code)
    about = probe.about_blas(path)
    assert (about["int_bits"], about["threads"]) == (bits, bits // 16)
    assert about["version"] == "OpenBLAS 0.3.99"
    words = f"{path}, OpenBLAS 0.3.99, {bits}-bit integers, {bits // 16} threads"
    assert report._about(about) == words


def test_a_blas_that_says_nothing_of_threads(tmp_path):
    path = tmp_path / "libblas_reference.so"
    stand_in.library(tmp_path, path.name, IDAMAX.format(integer="int32_t"))
    about = probe.about_blas(path)
    assert (about["version"], about["threads"]) == ("", 0)
    assert report._about(about) == f"{path}, 32-bit integers"


GOOD = {
    "mpi4py": "4.1.2",
    "mpi4py_library": "MPICH Version: 4.0.2",
    "mpi_files": ["/opt/libmpich.so.12"],
    "compiled_with": "4.0.2",
    "scalapack": [{"file": "/opt/libscalapack.so.2.2", "version": "2.2", "int_bits": 32}],
    "blas": [{"file": "/opt/libopenblas.so", "version": "0.3", "threads": 1, "int_bits": 32}],
}


def seen(monkeypatch, **answer):
    """The report on libraries that are good but for `answer`."""
    monkeypatch.setattr(report, "run_probe", lambda *_: GOOD | answer)
    found = report.Report()
    report._examine_libraries(found)
    return found


def test_libraries_that_fit(monkeypatch):
    found = seen(monkeypatch)
    assert found.problems == []
    assert found.facts["ScaLAPACK"] == "/opt/libscalapack.so.2.2, 2.2, 32-bit integers"
    assert found.facts["BLAS"] == "/opt/libopenblas.so, 0.3, 32-bit integers, 1 thread"


def test_another_mpich_than_at_compile_time(monkeypatch):
    (problem,) = seen(monkeypatch, mpi4py_library="MPICH Version: 4.3.0").problems
    assert not problem.fatal
    assert problem.what.endswith("compiled with, 4.0.2: got MPICH Version: 4.3.0")
    assert problem.fix.startswith("build matrass again: ")


@pytest.mark.parametrize(("name", "key"), [("ScaLAPACK", "scalapack"), ("BLAS", "blas")])
def test_integers_of_64_bits(monkeypatch, name, key):
    wide = GOOD[key][0] | {"int_bits": 64}
    found = seen(monkeypatch, **{key: [wide]})
    (problem,) = found.problems
    assert problem.fatal
    must = f"doctor: {name} must use 32-bit integers"
    assert problem.what == f"{must}: got 64-bit in {wide['file']}"
    fix = "apt-get install libscalapack-mpich-dev libopenblas-dev, and build matrass again"
    assert problem.fix == fix
    assert "64-bit integers" in found.facts[name]
