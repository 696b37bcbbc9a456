"""Training on a block of mini-batches without Lightning between them."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import cast

import torch
from jaxtyping import Int
from torch import Tensor

from mnist_mlp.bare_loop.after_step import AfterStep, Descent
from mnist_mlp.bare_loop.cuda_graphs import StepGraphs
from mnist_mlp.bare_loop.gradient_steps import (
    AccumulatingStep,
    AdversarialStep,
    AutogradStep,
    BlockInputs,
    BlockOutputs,
    ManualStep,
    Step,
    run_steps,
)
from mnist_mlp.equations.shapes import Strength
from mnist_mlp.network.mlp import MLP
from mnist_mlp.network.stack import MLPStack
from mnist_mlp.torch_internals import has_hooks


class BareLoop:
    """Trains a network, or several at once, on blocks of mini-batches, into memory that is allocated once.

    Args:
        network: The network, or a stack; the second dimension of every tensor then counts the networks.
        l1_strength: As in `MLP.l1_penalty`; for a stack, that of each network where they differ.
        l2_strength: As in `MLP.l2_penalty`, the same.
        adversarial: epsilon of `mnist_mlp.network.adversarial`, or 0 for training images alone.
        generators: As in `ManualStep`.
        accumulate: Mini-batches whose mean gradients make one update.

    Raises:
        ValueError: if a stack is to be trained on adversarial examples.
    """

    def __init__(
        self,
        network: MLP | MLPStack,
        l1_strength: Strength = 0.0,
        l2_strength: Strength = 0.0,
        adversarial: float = 0.0,
        generators: Sequence[torch.Generator] = (),
        accumulate: int = 1,
    ) -> None:
        if adversarial and not isinstance(network, MLP):
            raise ValueError(
                f"a stack takes no adversarial examples; got adversarial {adversarial}: train its networks one by one"
            )
        self.network = network
        self.strengths = (l1_strength, l2_strength)
        self.adversarial = adversarial
        self.generators = generators
        self.accumulate = accumulate
        # by the size of a mini-batch, since the last one may be smaller, and by whether it aims at labels
        self._manual_steps: dict[tuple[int, bool], ManualStep] = {}
        self._graphs = StepGraphs()

    def train(
        self,
        xs: BlockInputs,
        targets: Int[Tensor, "steps *networks rows"] | BlockOutputs,
        after_step: Sequence[AfterStep],
        watch: Callable[[Step], Step] | None = None,
        before: int = 0,
    ) -> tuple[BlockOutputs, BlockOutputs]:
        """Train on one mini-batch after another.

        Args:
            xs: The inputs, checked before.
            targets: Labels, or values aimed at. With `adversarial` those of each mini-batch stand twice in a row: for
                the images, then for their examples.
            after_step: What is called after the gradients of each mini-batch: `after_each_step`.
            watch: What wraps the step, to look at what it does.
            before: As in `AccumulatingStep`.

        Returns:
            z^L of each mini-batch, from before its update, and the values aimed at.
        """
        shape = targets.shape[: xs.dim() - 1]
        zs = xs.new_empty(*shape, _num_outputs(self.network))
        like = zs.flatten(0, -2)
        ys = self.network.targets_as_values(targets.reshape(len(like), *targets.shape[len(shape) :]), like).view_as(zs)
        step: Step = self._kind_of_step(zs.shape[-2], of_labels=not targets.is_floating_point())
        by_hand = isinstance(step, ManualStep)
        if self.adversarial and isinstance(self.network, MLP):
            step = AdversarialStep(step, self.network, self.adversarial)
        if watch:
            step = watch(step)
        if self.accumulate > 1:
            step = AccumulatingStep(step, self.network.parameters(), self.accumulate, before)
        descent = after_step[0] if len(after_step) == 1 and isinstance(self.network, MLP) else None
        with torch.no_grad() if by_hand else nullcontext():
            if xs.is_cuda and isinstance(step, ManualStep) and isinstance(descent, Descent):
                self._graphs.run(step, descent, xs, ys, zs)
            else:
                run_steps(step, after_step, xs, ys, zs)
        return zs, ys

    def _kind_of_step(self, batch_size: int, of_labels: bool) -> AutogradStep | ManualStep:
        if isinstance(self.network, MLP) and needs_autograd(self.network):
            return AutogradStep(self.network, *cast(tuple[float, float], self.strengths), self.accumulate)
        step = self._manual_steps.get((batch_size, of_labels))
        if step is None or not step.belongs_to(self.network):
            step = ManualStep(self.network, batch_size, *self.strengths, self.generators, of_labels, self.accumulate)
            self._manual_steps[batch_size, of_labels] = step
        return step


def _num_outputs(network: MLP | MLPStack) -> int:
    """How many outputs there are, also where the last layer was replaced by one of another width."""
    if isinstance(network, MLP):
        return getattr(network.layers[-1], "out_features", network.sizes[-1])
    return network.sizes[-1]


def needs_autograd(mlp: MLP) -> bool:
    """Whether a training step of a network is to do more, or less, than the equations."""
    if mlp.gradients == "autograd" or not mlp.training or not mlp.has_plain_layers or has_hooks(mlp):
        return True
    parameters = [*mlp.weights, *mlp.biases]
    are_shared = len({*map(id, parameters)}) < len(parameters)  # by layers, whose gradients are then to be added
    return are_shared or not all(parameter.requires_grad for parameter in mlp.parameters())
