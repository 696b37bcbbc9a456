from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning import LightningModule, Trainer

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.data.distortions import Augmentation
from mnist_mlp.data.images import LabelledImages
from mnist_mlp.data.order import DistributedBatchSampler, EpochSampler
from mnist_mlp.data.sources import read_dataset

CPU = torch.device("cpu")


def prepared(**arguments):
    data = MNISTDataModule(**{"batch_size": 8, "val_size": 20, **arguments})
    data.prepare_data()
    data.setup()
    return data


def visited(loader):
    return [labels.tolist() for _, labels in loader]


def numbered_loader(n=10, batch_size=3, **order):
    data = LabelledImages(torch.arange(n * 784).reshape(n, 784).to(torch.uint8), torch.arange(n))
    return DeviceLoader(data, DistributedBatchSampler(EpochSampler(n, **order), batch_size), CPU)


def test_an_epochs_order_depends_on_seed_and_epoch_alone():
    order = EpochSampler(1000, seed=7)
    order.set_epoch(3)
    first = order.permutation()
    torch.manual_seed(12345)
    torch.rand(10)
    again = EpochSampler(1000, seed=7)
    again.set_epoch(3)
    assert torch.equal(again.permutation(), first)
    again.set_epoch(4)
    assert not torch.equal(again.permutation(), first)
    other = EpochSampler(1000, seed=8)
    other.set_epoch(3)
    assert not torch.equal(other.permutation(), first)
    assert first.sort().values.tolist() == list(range(1000))


@pytest.mark.usefixtures("tiny_mnist")
def test_an_order_that_is_kept_is_that_of_the_file():
    data = prepared(shuffle=False)
    for _ in range(2):
        labels = torch.cat([labels for _, labels in data.train_dataloader()])
        assert torch.equal(labels, data.train_images.labels)


@pytest.mark.usefixtures("tiny_mnist")
def test_larger_images_get_background_below_and_at_the_right():
    images = prepared().train_images.images.view(-1, 28, 28)
    larger = prepared(image_size=30).train_images.images.view(-1, 30, 30)
    assert torch.equal(larger[:, :28, :28], images)
    assert larger[:, 28:].sum() == larger[:, :, 28:].sum() == 0


def test_drawing_an_order_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    EpochSampler(100).permutation()
    assert torch.equal(torch.rand(1), expected)


@given(world_size=st.integers(1, 5), batch_size=st.integers(1, 9), extra=st.integers(0, 40), shuffle=st.booleans())
def test_shares_are_disjoint_cover_all_and_have_the_same_number_of_batches(world_size, batch_size, extra, shuffle):
    n = world_size + extra
    order = EpochSampler(n, shuffle=shuffle)
    shares = [DistributedBatchSampler(order, batch_size, rank, world_size) for rank in range(world_size)]
    batches = [[batch[0] for batch in share.blocks(CPU)] for share in shares]
    assert {len(b) for b in batches} == {len(share) for share in shares} == {len(shares[0])}
    assert all(0 < len(indices) <= batch_size + 1 for b in batches for indices in b)
    assert sorted(torch.cat([indices for b in batches for indices in b]).tolist()) == list(range(n))


def test_shares_together_are_the_batches_of_one_process():
    order = EpochSampler(24, seed=1)
    one = [batch[0] for batch in DistributedBatchSampler(order, 8).blocks(CPU)]
    two = [[batch[0] for batch in DistributedBatchSampler(order, 4, rank, 2).blocks(CPU)] for rank in range(2)]
    for joint, *parts in zip(one, *two, strict=True):
        assert sorted(joint.tolist()) == sorted(torch.cat(parts).tolist())


def test_batches_hold_pixels_in_the_unit_interval_and_labels():
    data = LabelledImages(torch.tensor([[0, 255], [51, 102]], dtype=torch.uint8), torch.tensor([3, 7]))
    ((x, labels),) = DeviceLoader(data, DistributedBatchSampler(EpochSampler(2, shuffle=False), 2), CPU)
    torch.testing.assert_close(x, torch.tensor([[0.0, 1.0], [0.2, 0.4]]))
    assert labels.tolist() == [3, 7]


def test_the_last_batch_holds_the_rest():
    loader = numbered_loader(n=10, batch_size=3, shuffle=False)
    assert visited(loader) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert len(loader) == 4


def test_a_pass_can_be_resumed_in_its_middle():
    loader = numbered_loader(seed=5)
    loader.batch_sampler.sampler.set_epoch(2)
    whole = visited(loader)
    iterator = iter(loader)
    for _ in range(2):
        next(iterator)
    state = loader.state_dict()

    resumed = numbered_loader(seed=5)
    resumed.load_state_dict(state)
    resumed.batch_sampler.sampler.set_epoch(2)
    assert visited(resumed) == whole[2:]
    assert visited(resumed) == whole
    resumed.load_state_dict(state)
    resumed.batch_sampler.sampler.set_epoch(3)
    assert len(visited(resumed)) == 4


def test_the_first_images_train_and_the_last_validate(tiny_mnist):
    data, whole = prepared(), read_dataset("mnist", tiny_mnist.parent.parent, train=True)
    assert torch.equal(data.train_images.images, whole.images[:40])
    assert torch.equal(data.val_images.images, whole.images[40:])
    assert visited(data.val_dataloader()) == [whole.labels[40:].tolist()]
    assert sorted(label for batch in visited(data.train_dataloader()) for label in batch) == sorted(
        whole.labels[:40].tolist()
    )


def test_train_size_takes_the_first(tiny_mnist):
    data, whole = prepared(train_size=10), read_dataset("mnist", tiny_mnist.parent.parent, train=True)
    assert torch.equal(data.train_images.images, whole.images[:10])
    assert torch.equal(data.val_images.images, whole.images[40:])


def test_all_images_train_where_none_validates(tiny_mnist):
    data = prepared(val_size=0)
    assert len(data.train_images.labels) == 60
    assert data.val_dataloader() == []
    with pytest.raises(ValueError, match="predictions are made of the validation images, and val_size is 0"):
        data.predict_dataloader()


def test_the_test_file_is_read_for_the_test_alone(tiny_mnist):
    (tiny_mnist / "t10k-images-idx3-ubyte").write_bytes(b"damaged")
    data = MNISTDataModule(val_size=20, batch_size=8)
    for stage in ("fit", "validate", "predict"):
        data.setup(stage)
    assert not hasattr(data, "test_images")
    with pytest.raises(ValueError, match="t10k-images-idx3-ubyte"):
        data.setup("test")


def test_normalized_pixels_of_the_training_images(tiny_mnist):
    data = prepared(normalize=True)
    x = torch.cat([x for x, _ in data.train_dataloader()])
    assert x.mean().item() == pytest.approx(0, abs=1e-5)
    assert x.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    x_test = torch.cat([x for x, _ in data.test_dataloader()])
    test_only = MNISTDataModule(val_size=20, batch_size=8, normalize=True)
    test_only.setup("test")
    assert torch.equal(torch.cat([x for x, _ in test_only.test_dataloader()]), x_test)


def test_a_checkpoint_holds_what_makes_inputs_of_pictures(tmp_path):
    data = MNISTDataModule("digits", val_size=300, normalize=True)
    trainer = Trainer(max_steps=1, logger=False, default_root_dir=tmp_path, enable_progress_bar=False)
    trainer.fit(MLPClassifier([5]), data)
    trainer.save_checkpoint(tmp_path / "some.ckpt")
    stored = torch.load(tmp_path / "some.ckpt", weights_only=True)["MNISTDataModule"]
    assert stored == {"mean": data.mean, "std": data.std, "class_names": [*"0123456789"], "dataset": "digits"}
    assert data.mean > 0.05


def test_digits_need_no_files(tmp_path):
    data = prepared(dataset="digits", data_dir=str(tmp_path), val_size=300)
    assert [len(d.labels) for d in (data.train_images, data.val_images, data.test_images)] == [1137, 300, 360]
    assert list(tmp_path.iterdir()) == []


def test_data_dir_comes_from_the_environment_else_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_MLP_DATA_DIR", str(tmp_path / "a"))
    assert MNISTDataModule().data_dir == tmp_path / "a"
    assert MNISTDataModule(data_dir="b").data_dir.name == "b"
    monkeypatch.delenv("MNIST_MLP_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert MNISTDataModule().data_dir == tmp_path / "cache" / "mnist_mlp"


class Recorder(LightningModule):
    """Writes down the labels it sees."""

    def __init__(self):
        super().__init__()
        self.parameter = torch.nn.Parameter(torch.zeros(()))
        self.epochs = []

    def on_train_epoch_start(self):
        self.epochs.append([])

    def training_step(self, batch, batch_idx):
        self.epochs[-1].append(batch[1].tolist())
        return self.parameter * 1.0

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def recorded(data, **trainer):
    recorder = Recorder()
    Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **trainer,
    ).fit(recorder, data)
    return recorder.epochs


class TestInTheTrainer:
    def test_each_epoch_has_its_own_order(self, tiny_mnist):
        data = MNISTDataModule(batch_size=8, val_size=20, seed=4)
        epochs = recorded(data, max_epochs=3)
        expected = []
        for epoch in range(3):
            loader = data.train_dataloader()
            loader.batch_sampler.sampler.set_epoch(epoch)
            expected.append(visited(loader))
        assert epochs == expected
        assert len({str(epoch) for epoch in epochs}) == 3

    def test_validation_does_not_change_the_order(self, tiny_mnist):
        runs = [
            recorded(MNISTDataModule(batch_size=8, val_size=20), max_epochs=2, limit_val_batches=limit)
            for limit in (0, 1.0)
        ]
        assert runs[0] == runs[1]

    def test_limits(self, tiny_mnist):
        data = MNISTDataModule(batch_size=8, val_size=20)
        assert [len(epoch) for epoch in recorded(data, max_epochs=2, limit_train_batches=2)] == [2, 2]
        assert [len(epoch) for epoch in recorded(data, max_epochs=1, limit_train_batches=0.4)] == [2]

    def test_overfit_batches_repeats_the_same_ones(self, tiny_mnist):
        epochs = recorded(MNISTDataModule(batch_size=8, val_size=20), max_epochs=3, overfit_batches=2)
        assert epochs[0] == epochs[1] == epochs[2]
        assert len(epochs[0]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "emnist"}, "dataset must be one of mnist, .*, or the path of .*; got 'emnist', which isn't there"),
        ({"augmentation": Augmentation(halved_for=[10])}, r"halved_for must hold classes 0 ... 9; got \[10\]"),
        (
            {"dataset": "kmnist", "drawn_digits": 5},
            "drawn_digits must be 0 where the classes are not the ten digits; got 5 for kmnist",
        ),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1; got 0"),
        ({"val_size": -1}, "val_size must be an integer of at least 0; got -1"),
        ({"train_size": 0}, "train_size must be an integer of at least 1; got 0"),
        ({"val_size": 60}, "val_size must be less than the 60 training images of mnist; got 60"),
        ({"train_size": 41}, "train_size must be at most the 40 images of mnist that val_size 20 leaves; got 41"),
        ({"batch_size": 41}, "batch_size must be at most the 40 images that train; got 41"),
    ],
)
def test_bad_arguments_are_refused(arguments, message, tiny_mnist):
    with pytest.raises(ValueError, match=message):
        prepared(**arguments)


@pytest.mark.cuda
def test_batches_are_made_on_the_training_device():
    data = LabelledImages(torch.zeros(4, 784, dtype=torch.uint8), torch.arange(4))
    loader = DeviceLoader(data, DistributedBatchSampler(EpochSampler(4), 2), torch.device("cuda"))
    assert {(x.device.type, labels.device.type) for x, labels in loader} == {("cuda", "cuda")}


def test_numbers_of_numpy_and_paths_are_stored_as_pythons(tiny_mnist):
    sizes = {"batch_size": 10, "val_size": 20, "train_size": 30, "drawn_digits": 4, "seed": 3, "steps_per_execution": 2}
    folder = tiny_mnist.parents[1]
    settings: dict[str, Any] = {name: np.int64(n) for name, n in sizes.items()} | {
        "data_dir": folder,
        "normalize": np.bool_(True),
    }
    data = MNISTDataModule(**settings)
    expected = sizes | {"data_dir": str(folder), "normalize": True}
    assert {name: repr(data.hparams[name]) for name in expected} == {name: repr(v) for name, v in expected.items()}
    assert {name: repr(getattr(data, name)) for name in sizes} == {name: repr(n) for name, n in sizes.items()}
