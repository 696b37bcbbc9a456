"""A block on CUDA: one captured graph, which is replayed."""

from typing import Any

import torch
from torch import Tensor

from mnist_mlp.bare_loop.after_step import Descent
from mnist_mlp.bare_loop.gradient_steps import BlockInputs, BlockOutputs, ManualStep, run_steps


class StepGraphs:
    """`run_steps` on CUDA: the first block of a shape runs step by step, the second is captured, all others replay it.

    A captured graph holds the learning rates as they were, and the addresses of the parameters and of the step's
    memory: with other rates, parameters or steps a block is captured anew.
    """

    def __init__(self) -> None:
        self.graphs: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, list[Tensor]] | None] = {}

    def run(self, step: ManualStep, descent: Descent, xs: BlockInputs, ys: BlockOutputs, zs: BlockOutputs) -> None:
        """Train on one mini-batch after another, as `run_steps` does."""
        state = (descent.learning_rates, *(parameter.data_ptr() for parameter in step.parameters))
        key = (step, xs.shape, state)
        if key not in self.graphs:
            self.graphs = {known: graph for known, graph in self.graphs.items() if known[-1] == state} | {key: None}
            run_steps(step, [descent], xs, ys, zs)
            return
        captured = self.graphs[key]
        if captured is None:
            graph, tensors = torch.cuda.CUDAGraph(), [xs.clone(), ys.clone(), zs.clone()]
            with torch.cuda.graph(graph):
                run_steps(step, [descent], *tensors)
            self.graphs[key] = captured = (graph, tensors)
        graph, (own_xs, own_ys, own_zs) = captured
        own_xs.copy_(xs)
        own_ys.copy_(ys)
        graph.replay()
        zs.copy_(own_zs)
