"""`mnist-mlp sweep --cluster`: a scheduler and a worker, processes of their own."""

from pathlib import Path

import pytest
from dask_cluster import DaskCluster

from mnist_mlp.sweep.search import read_search
from mnist_mlp.sweep.study import SharedStudy
from mnist_mlp.sweep.sweep import sweep

pytest.importorskip("distributed")


def curves_in(study, config):
    """What was drawn for each trial, and its curve."""
    trials = SharedStudy(study, read_search(config), 0).ended()
    return [(trial.params, trial.intermediate_values) for trial in trials]


def test_the_worker_of_a_cluster_trains_what_this_machine_would(options, config):
    here, there = Path("here.journal"), Path("there.journal")
    assert sweep(options(study=here)) == 0
    with DaskCluster(Path.cwd()) as cluster:
        cluster.worker()
        assert sweep(options(study=there, cluster=cluster.address)) == 0
    assert len(curves_in(here, config)) == 3
    assert curves_in(there, config) == curves_in(here, config)


def test_an_address_where_nobody_listens(options):
    with pytest.raises(OSError, match=r"no scheduler of Dask answers at tcp://127.0.0.1:9"):
        sweep(options(cluster="tcp://127.0.0.1:9"))
