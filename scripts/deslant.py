"""Write MNIST's digits upright into a file like Keras's mnist.npz, which `mnist-mlp fit --data.dataset FILE` trains on.

python scripts/deslant.py FILE

Each line of an image is shifted, the more the farther it is from the middle, until the ink's x and y are uncorrelated:
the principal axes of the digit are then vertical and level.

Source: LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document Recognition, 1998, section III.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mnist_mlp.data.distortions import distort
from mnist_mlp.data.idx_files import data_folder, read_idx_dataset
from mnist_mlp.data.module import prepare_data


def deslanted(ink: Float[Tensor, "n 28 28"]) -> Float[Tensor, "n 28 28"]:
    """Shear images, each about its centre of mass, until the covariance of the ink's x and y is 0."""
    share = ink / ink.sum(dim=(1, 2), keepdim=True)
    y, x = torch.meshgrid(torch.arange(28) - 13.5, torch.arange(28) - 13.5, indexing="ij")  # from the middle
    mean_x, mean_y = ((share * each).sum(dim=(1, 2), keepdim=True) for each in (x, y))
    covariance = (share * (x - mean_x) * (y - mean_y)).sum(dim=(1, 2))
    slope = covariance / (share * (y - mean_y) ** 2).sum(dim=(1, 2))
    matrices = torch.eye(2).repeat(len(ink), 1, 1)
    matrices[:, 0, 1] = slope
    shifts = torch.stack([-slope * mean_y.flatten(), torch.zeros(len(ink))], dim=1)
    return distort(ink, matrices, shifts, None)


def main() -> None:
    """Write the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="such as data/deslanted.npz")
    path = parser.parse_args().file
    prepare_data([("mnist", None)])
    arrays = {}
    for part in ("train", "test"):
        digits = read_idx_dataset("mnist", data_folder(), train=part == "train")
        upright = deslanted(digits.images.view(-1, 28, 28).float())
        arrays |= {f"x_{part}": upright.round().byte().numpy(), f"y_{part}": digits.labels.numpy()}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    print(f"{path}: mnist-mlp fit --config mnist --data.dataset {path}")


if __name__ == "__main__":
    main()
