"""See and time the distortions of a configuration: python scripts/draw_distortions.py CONFIG PNG.

Draws the first ten training images, one in each row: as they are, and as eleven epochs show them. Prints how many
images a second are distorted, with mini-batches of the configuration's size, as the median of five epochs.
"""

import argparse
import time
from statistics import median

import torch
from torchvision.utils import make_grid, save_image

from mnist_mlp.fit import prepare

IMAGES, EPOCHS, PIXELS = 10, 11, 2

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("config")
parser.add_argument("png")
options = parser.parse_args()

trainer = {"logger": False, "enable_checkpointing": False}
data = prepare("fit", options.config, data={"shuffle": False}, trainer=trainer).datamodule
data.prepare_data()
data.setup("fit")
loader = data.train_dataloader()

columns, seconds = [data.train_images.images[:IMAGES].float() / 255], []
for epoch in range(EPOCHS):
    loader.batch_sampler.sampler.set_epoch(epoch)
    x, labels = next(iter(loader))
    columns.append(x.flatten(0, -2)[:IMAGES])
images = torch.zeros(100, data.batch_size, data.image_size**2)
labels = torch.zeros(100, data.batch_size, dtype=torch.int64)
for _ in range(5):
    started = time.perf_counter()
    loader.distort(images, labels, 0)
    seconds.append(time.perf_counter() - started)
print(f"{images[..., 0].numel() / median(seconds):,.0f} images a second")

rows = torch.stack(columns, dim=1).view(-1, 1, data.image_size, data.image_size)
save_image(make_grid(1 - rows.repeat_interleave(PIXELS, 2).repeat_interleave(PIXELS, 3), EPOCHS + 1), options.png)
