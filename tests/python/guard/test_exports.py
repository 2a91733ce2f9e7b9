# SPDX-License-Identifier: BSD-3-Clause
"""The guard has every MPI call that can wait for a rank, with its `_c` form; why not the others."""

import re
import subprocess

import pytest
from matrass.bootstrap.which_mpi import installation
from world import GUARD

LOCAL = "local by the standard: it asks and tells no other rank"
BUILT_LOCALLY = "a persistent operation: MPICH prepares it locally, it runs by MPI_Start and waits"
FILE_SYSTEM = "independent: it waits for the file system, not for a rank"
MANAGER = "asks the process manager, not a rank"

# Of the calls that the guard leaves to MPI: a pattern for the whole name, and the reason.
LEFT_TO_MPI = {
    r"(Type|Info|Group|Op|Errhandler|Status|Keyval|Attr)_\w+": LOCAL,
    r"T_\w+": LOCAL + " (the tools' interface)",
    r"Error_\w+|Add_error_\w+": LOCAL,
    r"Get_(address|(count|elements)(_[cx])?|library_version|processor_name|version)": LOCAL,
    r"Initialized|Finalized|Is_thread_main|Query_thread|Pcontrol|Wtick|Wtime": LOCAL,
    r"Address|Aint_\w+|(Alloc|Free)_mem|Buffer_attach(_c)?|Reduce_local(_c)?|Dims_create": LOCAL,
    r"(Pack|Unpack)(_\w+)?|Register_datarep(_c)?": LOCAL,
    r"Comm_(call_errhandler|compare|group|rank|size|test_inter|remote_\w+|free_keyval)": LOCAL,
    r"Comm_(create_errhandler|create_keyval|delete_attr|get_\w+|set_(attr|errhandler|name))": LOCAL,
    r"Comm_set_info": "collective, but MPICH only stores the hints of this rank",
    r"Cart(dim)?_(coords|get|map|rank|shift)|Topo_test": LOCAL,
    r"Graph(dims)?_(get|map|neighbors(_count)?)": LOCAL,
    r"Dist_graph_neighbors(_count)?": LOCAL,
    r"Session_(call_errhandler|create_errhandler|set_errhandler|get_\w+)": LOCAL,
    r"Cancel|Request_free|Test_cancelled|Grequest_\w+": LOCAL,
    r"(Send|Bsend|Rsend|Ssend|Recv)_init(_c)?|P(send|recv)_init": LOCAL,
    r"Neighbor_(allgather|alltoall)[vw]?_init(_c)?": BUILT_LOCALLY,
    r"(Gather|Scatter|Allgather|Alltoall)[vw]?_init(_c)?": BUILT_LOCALLY,
    r"Barrier_init|(Bcast|Reduce|Allreduce|Scan|Exscan)_init(_c)?": BUILT_LOCALLY,
    r"Reduce_scatter(_block)?_init(_c)?": BUILT_LOCALLY,
    r"Win_(attach|detach|sync|shared_query(_c)?|call_errhandler|create_(errhandler|keyval))": LOCAL,
    r"Win_(delete_attr|free_keyval|get_\w+|set_(attr|errhandler|name))": LOCAL,
    r"File_(c2f|f2c|call_errhandler|create_errhandler|set_errhandler|get_\w+|seek)": LOCAL,
    r"File_(delete|i?(read|write)(_at)?(_c)?)": FILE_SYSTEM,
    r"File_i?(read|write)_shared(_c)?": FILE_SYSTEM + "; the shared pointer is a locked file",
    r"(Open|Close)_port|(Publish|Unpublish|Lookup)_name": MANAGER,
}


def exported(library):
    """Names of the MPI_ functions that a shared library defines, without MPI_."""
    nm = ["nm", "-D", "--defined-only", str(library)]
    symbols = subprocess.run(nm, check=True, capture_output=True, text=True).stdout
    return set(re.findall(r" [TW] MPI_(\w+)$", symbols, re.MULTILINE))


@pytest.fixture(scope="module")
def mpi():
    found = installation()
    if found is None or found.info["mpi"]["name"] != "MPICH":
        pytest.skip("the reasons are about MPICH")
    return exported(found.info["mpi"]["library"])


def test_every_call_of_mpi_is_guarded_or_left_for_a_reason(mpi):
    assert len(mpi) > 500
    left = {name for name in mpi if any(re.fullmatch(p, name) for p in LEFT_TO_MPI)}
    guarded = exported(GUARD)
    assert mpi - guarded - left == set()
    assert guarded - mpi == set()
    assert guarded & left == set()


def test_every_reason_is_needed(mpi):
    for pattern in LEFT_TO_MPI:
        assert any(re.fullmatch(pattern, name) for name in mpi), pattern


def test_plain_and_large_count_forms_go_together(mpi):
    guarded = exported(GUARD)
    for name in guarded:
        plain, large = name.removesuffix("_c"), name.removesuffix("_c") + "_c"
        assert (plain in guarded) == (plain in mpi), plain
        assert (large in guarded) == (large in mpi), large
