# SPDX-License-Identifier: BSD-3-Clause
"""The matrix in a plain .npy file, written by all ranks at once, and what belongs to it.

A .npy file is a short header and then the elements: here column by column (Fortran order), as
matrass keeps them. Ranks on several machines need a folder that all of them see.

Next: examples/cpp/flights_svd.cpp, which reads these files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from flights_data import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import matrass as mt
    from mpi4py.MPI import Comm
    from numpy.typing import NDArray

MATRIX = "flights.npy"
COLUMNS = "flights_columns.txt"
SPECTRUM = "flights_spectrum.txt"


def make_folder(folder: Path) -> None:
    """Make the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {error}") from None


def make_folder_together(comm: Comm, folder: Path) -> None:
    """Make the folder, on rank 0; if that fails, every rank raises. Collective."""
    failure = None
    if comm.rank == 0:
        try:
            make_folder(folder)
        except DataError as error:
            failure = str(error)
    failure = comm.bcast(failure)
    if failure:
        raise DataError(failure)


def write(
    folder: Path,
    a: mt.DistMatrix,
    columns: list[str],
    singular_values: NDArray[np.float64],
    explained_variance: NDArray[np.float64],
) -> None:
    """Write the matrix, its column names and its spectrum. Collective.

    `a` must be in [VC,STAR] with one block of rows a rank: each rank writes one run of each column.
    """
    comm = a.grid.comm
    path = folder / MATRIX
    if comm.rank == 0:
        np.lib.format.open_memmap(path, "w+", np.float64, a.shape, fortran_order=True)
        (folder / COLUMNS).write_text("\n".join(columns) + "\n", encoding="utf-8")
        spectrum = np.column_stack([singular_values, explained_variance])
        header = "singular value, explained variance (PCA)"
        np.savetxt(folder / SPECTRUM, spectrum, fmt="%.17g", header=header)
    comm.Barrier()  # the file has its size
    if len(a.local_rows):
        file = np.lib.format.open_memmap(path, "r+")
        file[a.local_rows[0] : a.local_rows[-1] + 1] = a.local
        file.flush()
    comm.Barrier()  # the file is complete
