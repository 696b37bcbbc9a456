import subprocess
import sys

import pytest
import torch

from mnist_mlp.benchmark.contestants import CONTESTANTS, available
from mnist_mlp.benchmark.contestants.loops import AutogradLoop, HandWrittenLoop
from mnist_mlp.benchmark.plain_torch import sequential, torch_cost
from mnist_mlp.benchmark.workloads import WORKLOADS


def test_a_contestant_says_itself_what_it_needs(monkeypatch):
    monkeypatch.setattr("mnist_mlp.benchmark.contestants.find_spec", lambda name: name)
    assert available("cpu") == list(CONTESTANTS)
    assert not {"scikit-learn", "JAX scan", "Keras on JAX"} & set(available("cuda"))
    assert {"our fit, manual", "matrix products alone"} < set(available("cuda"))
    monkeypatch.setattr("mnist_mlp.benchmark.contestants.find_spec", lambda name: name if name == "jax" else None)
    assert set(CONTESTANTS) - set(available("cpu")) == {"Keras on JAX"}


def test_no_other_library_is_imported_before_its_contestant_is_made():
    program = "import sys, mnist_mlp.benchmark.contestants; print(*{'jax', 'keras', 'sklearn'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.split() == []


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_jax_computes_the_cost_of_torch(workload):
    jnp = pytest.importorskip("jax.numpy")
    from mnist_mlp.benchmark.contestants.jax_scan import jax_cost

    torch.manual_seed(0)
    network, x, labels = sequential(workload), torch.rand(7, 784), torch.randint(10, (7,))
    numbers = [jnp.asarray(p.detach().numpy().T) for p in network.parameters()]
    parameters = list(zip(numbers[::2], numbers[1::2], strict=True))
    cost = float(jax_cost(workload, parameters, jnp.asarray(x.numpy()), jnp.asarray(labels.numpy())))
    assert cost == pytest.approx(torch_cost(workload, network(x), labels).item(), rel=1e-5)


@pytest.mark.mnist
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_the_bare_loops_do_the_same_work(workload):
    networks = []
    for loop in (AutogradLoop, HandWrittenLoop):
        torch.manual_seed(0)
        contestant = loop(workload, "cpu")
        network, step = contestant.start()
        for n in (workload.batch_size, 7, workload.batch_size):
            step(contestant.images.x[:n], contestant.images.labels[:n])
        networks.append(network)
    with torch.no_grad():
        by_autograd, by_hand = (network(contestant.images.val_x[:100]) for network in networks)
    torch.testing.assert_close(by_hand, by_autograd, rtol=1e-4, atol=1e-4)
