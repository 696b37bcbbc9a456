"""Time what this project does itself beside what a library has for it: python scripts/time_libraries.py [--repeats N].

Prints the median milliseconds of both, which take turns on one thread, and their ratio. MNIST must be there, and
matplotlib ("plots").
"""

import argparse
import io
import time
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory

import torch
from sklearn.metrics import ConfusionMatrixDisplay
from torch.utils.tensorboard import SummaryWriter
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor
from torchvision.datasets.utils import calculate_md5
from torchvision.transforms import v2

from mnist_mlp import MNISTDataModule
from mnist_mlp.dashboard.histograms import add_histogram
from mnist_mlp.dashboard.pictures import draw_confusions
from mnist_mlp.data.distortions import Augmentation
from mnist_mlp.data.idx_files import IDX_DATASETS, read_idx_dataset

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--repeats", type=int, default=9, metavar="N")
options = parser.parse_args()
torch.set_num_threads(1)

data = MNISTDataModule()
data.prepare_data()
data.setup("fit")
images = data.train_images.images[:100].view(-1, 28, 28).float().div(255)
elastic = Augmentation(rotation=10.0, shear=10.0, scaling=0.1, translation=1.0, alpha=(34.0, 34.0), sigma=(4.0, 4.0))
affine = v2.RandomAffine([-10, 10], (1 / 28, 1 / 28), (0.9, 1.1), 10)
library_distortion = v2.Compose([v2.ElasticTransform(34.0, 4.0), affine])
values = torch.randn(784 * 1000)
counts = torch.randint(0, 1000, (10, 10))
names = [*data.class_names]


def distort_by_torchvision() -> None:
    """Each image by itself: of a batch, torchvision distorts all in one way."""
    for image in images[:, None]:
        library_distortion(image)


def read_by_torchvision() -> None:
    """Training images and labels, checked and read."""
    folder = IDX_DATASETS["mnist"].folder(data.data_dir)
    for file in [*IDX_DATASETS["mnist"].md5][:2]:
        assert calculate_md5(str(folder / file)) == IDX_DATASETS["mnist"].md5[file]
        read_sn3_pascalvincent_tensor(str(folder / file))


def draw_by_matplotlib() -> None:
    """The confusion matrix, as scikit-learn draws it."""
    display = ConfusionMatrixDisplay(counts.numpy(), display_labels=names).plot()
    display.figure_.savefig(io.BytesIO(), format="png")
    display.figure_.clear()


def milliseconds(work: Callable[[], object]) -> float:
    """What the work takes of the processor: a busy machine does not lengthen it."""
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


with TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
    generator = torch.Generator().manual_seed(0)
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "distort 100 images": (
            lambda: elastic(images, data.train_images.labels[:100], generator),
            distort_by_torchvision,
        ),
        "write a histogram of 784,000 values": (
            lambda: add_histogram(writer, "ours", values, 0),
            lambda: writer.add_histogram("theirs", values, 0),
        ),
        "draw a confusion matrix": (lambda: draw_confusions(counts, names), draw_by_matplotlib),
        "read and check 60,000 images": (
            lambda: read_idx_dataset("mnist", data.data_dir, True),
            read_by_torchvision,
        ),
    }
    for name, (ours, theirs) in pairs.items():
        measured = [(milliseconds(ours), milliseconds(theirs)) for _ in range(options.repeats + 1)][1:]
        own, library = map(median, zip(*measured, strict=True))
        print(f"{name}: ours {own:.2f} ms, the library {library:.2f} ms, ratio {library / own:.1f}")
