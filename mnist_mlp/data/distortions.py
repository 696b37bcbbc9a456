"""Random distortions of images: affine maps and Simard's elastic fields, another one for every image.

All images of a batch are distorted at once, on the device where they lie: each pixel of the new image is looked up, by
bilinear interpolation, where an affine map and a displacement field send it in the old one. Outside an image is
background, 0. Coordinates are in pixels, from the middle of the image.
"""

from dataclasses import dataclass, field
from math import pi, sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    """How training images are distorted. What is 0 is left out.

    Each image draws its own numbers, uniformly: an angle in [-rotation, rotation], and so on.

    Attributes:
        rotation: Largest angle, in degrees.
        shear: Largest angle by which vertical lines are slanted, in degrees.
        scaling: The width, and the height, is divided by a number between 1 - scaling and 1 + scaling.
        translation: Largest shift to the side, and up or down, in pixels.
        alpha: Strength of the elastic displacements, in pixels: the smallest and the largest.
        sigma: Standard deviation of the Gaussian that smooths them, in pixels: the smallest and the largest.
        halved_for: Classes, such as the digits 1 and 7, for which rotation and shear are half as large.

    Source: Simard, Steinkraus, Platt, Best Practices for Convolutional Neural Networks, 2003, section 2; Ciresan et
    al., Deep, Big, Simple Neural Nets Excel on Handwritten Digit Recognition, 2010, section 3.
    """

    rotation: float = 0.0
    shear: float = 0.0
    scaling: float = 0.0
    translation: float = 0.0
    alpha: tuple[float, float] = (0.0, 0.0)
    sigma: tuple[float, float] = (4.0, 4.0)
    halved_for: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = {"rotation": 180, "shear": 80, "scaling": 0.99, "translation": 28}
        for name, limit in limits.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} must lie between 0 and {limit}; got {getattr(self, name)}")
        for name, (smallest, largest) in {"alpha": self.alpha, "sigma": self.sigma}.items():
            if not 0 <= smallest <= largest < float("inf"):
                raise ValueError(f"{name} must be two numbers, 0 <= smallest <= largest; got {smallest}, {largest}")
        if self.sigma[0] == 0:
            raise ValueError(f"sigma must be larger than 0; got {self.sigma[0]}: use alpha 0 for no elastic field")
        if any(label < 0 for label in self.halved_for):
            raise ValueError(f"halved_for must hold classes, counted from 0; got {self.halved_for}")

    @property
    def distorts(self) -> bool:
        """Whether there is anything to do."""
        return any((self.rotation, self.shear, self.scaling, self.translation, self.alpha[1]))

    def __call__(
        self, images: Float[Tensor, "n size size"], labels: Int[Tensor, "n"], generator: torch.Generator
    ) -> Float[Tensor, "n size size"]:
        """Distorted copies of the images, pixels in [0, 1].

        Args:
            images: The images, with the background 0.
            labels: Their classes.
            generator: What all numbers are drawn from, on the device of the images.
        """
        return distort(images, *self.draw(labels, images.shape[-1], generator))

    def draw(
        self, labels: Int[Tensor, "n"], size: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 2 2"], Float[Tensor, "n 2"], Float[Tensor, "n 2 size size"] | None]:
        """The affine map, the shift and the displacement field of each image, None without an elastic one.

        Args:
            labels: The images' classes, on the device where the numbers are drawn.
            size: Height and width of the images.
            generator: What the numbers are drawn from, on the device of the labels.
        """
        n, device = len(labels), labels.device
        u = torch.rand(n, 8, device=device, generator=generator)
        spread = 2 * u[:, :6] - 1
        halved = torch.isin(labels, torch.tensor(self.halved_for, device=device, dtype=labels.dtype))
        angles = spread[:, :2] * torch.where(halved, pi / 360, pi / 180)[:, None]
        matrix = affine_map(angles[:, 0] * self.rotation, angles[:, 1] * self.shear, 1 + spread[:, 2:4] * self.scaling)
        shift = spread[:, 4:6] * self.translation
        if self.alpha[1] == 0:
            return matrix, shift, None
        alpha = between(*self.alpha, u[:, 6])
        sigma = between(*self.sigma, u[:, 7])
        noise = torch.rand(n, 2, size, size, device=device, generator=generator).mul_(2).sub_(1)
        return matrix, shift, elastic_field(noise, alpha, sigma)


NO_DISTORTION = Augmentation()


def between(smallest: float, largest: float, u: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """smallest where u is 0, largest where it is 1."""
    return smallest + (largest - smallest) * u


def affine_map(
    rotation: Float[Tensor, "n"], shear: Float[Tensor, "n"], scale: Float[Tensor, "n 2"]
) -> Float[Tensor, "n 2 2"]:
    """Rotation @ shear @ scale, acting on columns (x, y).

    Args:
        rotation: Angles in radians.
        shear: Angles in radians, by which the y axis is slanted.
        scale: Factors along x and y.
    """
    cos, sin, slant = rotation.cos(), rotation.sin(), shear.tan()
    rows = [torch.stack([cos, cos * slant - sin], dim=1), torch.stack([sin, sin * slant + cos], dim=1)]
    return torch.stack(rows, dim=1) * scale[:, None]


def elastic_field(
    noise: Float[Tensor, "n 2 size size"], alpha: Float[Tensor, "n"], sigma: Float[Tensor, "n"]
) -> Float[Tensor, "n 2 size size"]:
    """alpha times the noise smoothed by a Gaussian, in pixels.

    A Gaussian in two dimensions is one along the columns and one along the rows, and each is a product with the matrix
    of exp(-(i - j)^2 / (2 sigma^2)) / (sqrt(2 pi) sigma): nothing comes in from outside the image.

    Args:
        noise: U(-1, 1) for each pixel, along x and y.
        alpha: Strength of each image's field.
        sigma: Standard deviation of each image's Gaussian.
    """
    pixels = torch.arange(noise.shape[-1], device=noise.device, dtype=noise.dtype)
    squared_distances = (pixels[:, None] - pixels).square()
    gaussian = torch.exp(squared_distances * (-0.5 / sigma.square())[:, None, None])
    gaussian *= (alpha.sqrt() / (sigma * sqrt(2 * pi)))[:, None, None]
    return gaussian[:, None] @ noise @ gaussian[:, None]


def distort(
    images: Float[Tensor, "n size size"],
    matrices: Float[Tensor, "n 2 2"],
    shifts: Float[Tensor, "n 2"],
    fields: Float[Tensor, "n 2 size size"] | None,
) -> Float[Tensor, "n size size"]:
    """Look each pixel p up at (matrix @ p + shift + field(p)) in its old image."""
    n, size = images.shape[:2]
    offsets = torch.arange(size, device=images.device, dtype=images.dtype) - (size - 1) / 2
    pixels = torch.stack(torch.meshgrid(offsets, offsets, indexing="xy"), dim=-1).view(1, -1, 2)
    sources = torch.baddbmm(shifts[:, None], pixels.expand(n, -1, -1), matrices.mT).view(n, size, size, 2)
    if fields is not None:
        sources += fields.permute(0, 2, 3, 1)
    # grid_sample counts from -1 to 1, from edge to edge
    grid = sources.mul_(2 / size)
    return F.grid_sample(images[:, None], grid, padding_mode="zeros", align_corners=False)[:, 0]
