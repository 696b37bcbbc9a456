"""What one sees of the package in a notebook."""

from importlib.metadata import version

import mnist_mlp
from mnist_mlp import MLP, MLPClassifier, MNISTDataModule, TrainedNetwork


def test_tab_offers_the_public_names_before_any_was_used():
    assert dir(mnist_mlp) == sorted(
        ["MLP", "MLPClassifier", "MNISTDataModule", "TrainedNetwork", "__version__", "load"]
    )


def test_the_version_is_the_installed_one():
    assert mnist_mlp.__version__ == version("mnist-mlp")


def test_a_model_says_how_it_was_made():
    assert (
        repr(MLPClassifier([30], "sigmoid", l2=5.0)) == "MLPClassifier(hidden_sizes=[30], activation='sigmoid', l2=5.0)"
    )


class Own(MLPClassifier):
    def __init__(self, hidden_sizes: list[int], depth: int = 3, **kwargs) -> None:
        super().__init__(hidden_sizes, **kwargs)
        self.save_hyperparameters()


def test_a_subclass_says_it_by_its_own_arguments():
    assert repr(Own([30])) == "Own(hidden_sizes=[30])"
    assert repr(Own([30], depth=4)) == "Own(hidden_sizes=[30], depth=4)"


def test_a_network_shows_its_sizes_and_its_layers():
    assert repr(MLP([784, 30, 20, 10])).splitlines()[1:3] == ["  784-30-20-10 relu", "  (layers): ModuleList("]
    assert MLP([4, 3]).extra_repr() == "4-3"


def test_a_trained_network_says_what_it_tells_apart_and_where_it_came_from():
    network = TrainedNetwork(MLP([784, 5, 2]), ("a", "b"), settings={"checkpoint": "best.ckpt"})
    assert repr(network) == "TrainedNetwork(784-5-2 relu, classes a, b, from best.ckpt)"


def test_a_data_module_says_what_was_read():
    data = MNISTDataModule("digits", batch_size=10, val_size=300)
    made = "MNISTDataModule(dataset='digits', batch_size=10, val_size=300)"
    assert str(data) == repr(data) == f"{made}: not read yet"
    data.setup("fit")
    assert str(data) == f"{made}: 1,137 train, 300 validate"
    data.setup("test")
    assert str(data) == f"{made}: 1,137 train, 300 validate, 360 test"
