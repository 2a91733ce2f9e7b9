# SPDX-License-Identifier: BSD-3-Clause
"""A Dask cluster of three worker processes, shared by the tests of a module."""

import warnings

import pytest

distributed = pytest.importorskip("distributed")


def local_cluster(workers=3, **options):
    """Worker processes of one thread each, without a dashboard."""
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None} | options
    return distributed.LocalCluster(n_workers=workers, **options)


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with local_cluster() as found:
            yield found


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster) as found:
        yield found


@pytest.fixture
def fresh_client():
    """Of a cluster of the test's own: its workers may be killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with local_cluster() as cluster, distributed.Client(cluster) as found:
            yield found
