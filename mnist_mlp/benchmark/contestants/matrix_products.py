"""The matrix products that a training needs, and nothing else: what no training is faster than."""

from contextlib import nullcontext
from itertools import pairwise

import torch
from typing_extensions import override

from mnist_mlp.bare_loop.memory import keep_freed_memory
from mnist_mlp.bare_loop.threads import is_for_one_thread, one_thread
from mnist_mlp.benchmark.contestant import Contestant, Training, now
from mnist_mlp.benchmark.images import Images
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.data.module import EVALUATION_BATCH_SIZE
from mnist_mlp.equations.matrix_product import product


class MatrixProducts(Contestant):
    """The products by the same library as in `fit`, on as many threads, in memory that is kept as there.

    Nothing is learnt, so that there is no accuracy.
    """

    def __init__(self, workload: Workload, device: str) -> None:
        super().__init__(workload, device)
        self.images = Images(device)

    @override
    def train(self, epochs: int) -> Training:
        sizes, batch_size = self.workload.sizes, self.workload.batch_size
        layers = range(len(sizes) - 1)
        ws = [torch.rand(n_out, n_in, device=self.device) for n_in, n_out in pairwise(sizes)]
        transposed, nablas = [w.T for w in ws], [torch.empty_like(w) for w in ws]
        a, val_a = (
            [torch.rand(n, width, device=self.device) for width in sizes] for n in (batch_size, EVALUATION_BATCH_SIZE)
        )
        deltas = [torch.rand_like(matrix) for matrix in a]
        deltas_transposed = [delta.T for delta in deltas]
        batches = [x for x in self.images.x.split(batch_size) if len(x) == batch_size]
        kept = list(nablas)
        keep_freed_memory()
        threads = one_thread() if is_for_one_thread(batch_size, sum(w.numel() for w in ws)) else nullcontext()
        times = [now(self.device)]
        with threads, torch.no_grad():
            for _ in range(epochs):
                for x in batches:
                    a[0] = x
                    for l in layers:
                        product(a[l], transposed[l], out=a[l + 1])
                    for l in layers:
                        kept[l] = product(deltas_transposed[l + 1], a[l], out=nablas[l])
                        if l > 0:
                            product(deltas[l + 1], ws[l], out=deltas[l])
                for x in self.images.val_x.split(EVALUATION_BATCH_SIZE):
                    val_a[0] = x
                    for l in layers:
                        product(val_a[l], transposed[l], out=val_a[l + 1])
                times.append(now(self.device))
        return Training(times, None)
