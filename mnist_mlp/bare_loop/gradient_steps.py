"""Kinds of step: the gradients of one mini-batch, for each parameter's `grad`; and one step after another.

`ManualStep` calls the same equations as `mnist_mlp.network.autograd_functions` does, with the same results bit for bit,
but without autograd's graph, and into memory that is allocated once.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mnist_mlp.bare_loop.after_step import AfterStep
from mnist_mlp.equations.backprop import Memory, Trace, backpropagate, feedforward
from mnist_mlp.equations.costs import OutputMemory
from mnist_mlp.equations.matrix_product import ONEDNN_PRODUCTS, is_onednns
from mnist_mlp.equations.penalties import PENALTIES
from mnist_mlp.equations.shapes import Inputs, Outputs, Strength
from mnist_mlp.network.adversarial import adversarial_examples
from mnist_mlp.network.dropout import draw_mask
from mnist_mlp.network.mlp import MLP
from mnist_mlp.network.stack import MLPStack
from mnist_mlp.torch_internals import add_scaled_

Step = Callable[[Tensor, Tensor, Tensor], None]
BlockInputs = Float[Tensor, "steps *networks batch n_0"]
BlockOutputs = Float[Tensor, "steps *networks rows n_L"]  # with adversarial examples twice as many rows as the inputs


class AutogradStep:
    """The gradients of cost and penalties by autograd.

    Args:
        mlp: The network.
        l1_strength: As in `MLP.l1_penalty`.
        l2_strength: As in `MLP.l2_penalty`.
        accumulate: k; the gradients are divided by it, where k mini-batches make one update.
    """

    def __init__(self, mlp: MLP, l1_strength: float = 0.0, l2_strength: float = 0.0, accumulate: int = 1) -> None:
        self.mlp = mlp
        self.l1_strength = l1_strength
        self.l2_strength = l2_strength
        self.accumulate = accumulate

    def __call__(
        self, x: Float[Tensor, "batch n_0"], y: Float[Tensor, "batch n_L"], z: Float[Tensor, "batch n_L"]
    ) -> None:
        """Write z^L into z, and the gradient of each parameter into its `grad`."""
        self.mlp.zero_grad()
        logits = self.mlp(x)
        loss = self.mlp.penalized(self.mlp.loss(logits, y), self.l1_strength, self.l2_strength)
        (loss / self.accumulate if self.accumulate > 1 else loss).backward()
        z.copy_(logits.detach())


class ManualStep:
    """The gradients of cost and penalties by hand.

    Args:
        network: The network, or a stack of several; x, y and z then have one more dimension in front. It is in training
            mode: its dropout, if any, is on.
        batch_size: Samples in every mini-batch.
        l1_strength: As in `MLP.l1_penalty`, or that of each network, in a tensor.
        l2_strength: As in `MLP.l2_penalty`, the same.
        generators: What the dropout masks of each network of a stack are drawn from; those of one network come from
            torch's global generator.
        of_labels: Whether the rows of y will always be one-hot, which saves an operation or two.
        accumulate: As in `AutogradStep`.
    """

    def __init__(
        self,
        network: MLP | MLPStack,
        batch_size: int,
        l1_strength: Strength = 0.0,
        l2_strength: Strength = 0.0,
        generators: Sequence[torch.Generator] = (),
        of_labels: bool = False,
        accumulate: int = 1,
    ) -> None:
        self.parameters = [*network.weights, *network.biases]
        self.weights = [w.detach() for w in network.weights]
        self.biases = [b.detach() for b in network.biases]
        self.sigmas, cost = network.sigmas, network.cost
        self.output_error = (of_labels and cost.label_error) or cost.output_error
        self.made_for = (network.sigmas, network.cost, network.dropout_probabilities)
        self.large = [
            w.dim() == 2 and w.numel() * batch_size >= ONEDNN_PRODUCTS and is_onednns(w) for w in self.weights
        ]
        # oneDNN's gradient lies row by row, and fused optimizers read a gradient in the order of its weights' memory
        self.by_columns = [l for l, w in enumerate(self.weights) if self.large[l] and not w.is_contiguous()]
        self.accumulate = accumulate
        self._allocate(network, batch_size)
        self._choose_draws(network.dropout_probabilities, generators)
        self.penalties = [
            (partial(PENALTIES[name].gradient, strength=strength), [torch.empty_like(w) for w in self.weights])
            for name, strength in (("l1", l1_strength), ("l2", l2_strength))
            if torch.as_tensor(strength).any()
        ]

    def _allocate(self, network: MLP | MLPStack, batch_size: int) -> None:
        empty = partial(self.weights[0].new_empty, *self.weights[0].shape[:-2], batch_size)
        *hidden, n_out = network.sizes[1:]
        probabilities = network.dropout_probabilities
        self.masks = [empty(n) if p else None for n, p in zip(network.sizes, probabilities, strict=False)]
        self.zs = [*(empty(n) for n in hidden), empty(0)]  # the last one is the caller's
        self.memory = Memory(
            transposed=[w.mT for w in self.weights],
            inputs=[None if mask is None else torch.empty_like(mask) for mask in self.masks],
            zs=self.zs,
            nablas=_overlapping(empty(max(hidden, default=0)), hidden),
            deltas=_overlapping(empty(max(hidden, default=0)), hidden),
            weights=[None if large else torch.empty_like(w) for w, large in zip(self.weights, self.large, strict=True)],
            biases=[torch.empty_like(b) for b in self.biases],
        )
        self.output_memory = OutputMemory(empty(n_out), empty(n_out), empty(n_out))

    def _choose_draws(self, probabilities: Sequence[float], generators: Sequence[torch.Generator]) -> None:
        """What is drawn before each mini-batch: the mask of each layer, of a stack one network after another."""
        self.draws = [
            (part, p, generator)
            for mask, p in zip(self.masks, probabilities, strict=True)
            if mask is not None
            for part, generator in (zip(mask, generators, strict=True) if generators else [(mask, None)])
        ]

    def belongs_to(self, network: MLP | MLPStack) -> bool:
        """Whether the network still is what this step was made for, and its parameters lie where they lay."""
        if self.made_for != (network.sigmas, network.cost, network.dropout_probabilities):
            return False
        parameters = (*network.weights, *network.biases)
        return all(own is other for own, other in zip(self.parameters, parameters, strict=True)) and all(
            (own.data_ptr(), own.stride()) == (p.data_ptr(), p.stride())
            for own, p in zip((*self.weights, *self.biases), parameters, strict=True)
        )

    def __call__(self, x: Inputs, y: Outputs, z: Outputs) -> None:
        """Write z^L into z, and make the gradient of each parameter its `grad`.

        Call it under `torch.no_grad()`. It does not check x and y: see `mnist_mlp.network.input_checks`.
        """
        for parameter, large in zip(self.parameters, self.large, strict=False):
            if large:  # its gradient is not written into memory that is there, but made anew
                parameter.grad = None
        for mask, p, generator in self.draws:
            draw_mask(mask, p, generator)
        self.backward(y, z, self.forward(x, z))

    def forward(self, x: Inputs, z: Outputs) -> Trace:
        """Write z^L into z, and return what the backward pass needs."""
        self.zs[-1] = z
        z_L, trace = feedforward(x, self.weights, self.biases, self.sigmas, self.masks, self.memory)
        if z_L is not z:
            z.copy_(z_L)
        return trace

    def backward(self, y: Outputs, z: Outputs, trace: Trace) -> None:
        """Make the gradient of each parameter its `grad`."""
        delta_L = self.output_error(z, y, self.output_memory)
        gradients = backpropagate(self._share(delta_L), self.weights, self.sigmas, trace, self.memory)
        if self.penalties:  # summed up before they are added, as autograd does it
            for l, (w, nabla_w) in enumerate(zip(self.weights, gradients.weights, strict=True)):
                first, *others = (self._share(gradient(w, out=buffers[l])) for gradient, buffers in self.penalties)
                nabla_w.add_(first.add_(*others) if others else first)
        for l in self.by_columns:
            gradients.weights[l] = torch.empty_like(self.weights[l]).copy_(gradients.weights[l])
        for parameter, gradient in zip(self.parameters, (*gradients.weights, *gradients.biases), strict=True):
            parameter.grad = gradient

    def _share(self, gradient: Tensor) -> Tensor:
        """What a mini-batch adds to the mean of those that are accumulated, in place."""
        return gradient.mul_(1 / self.accumulate) if self.accumulate > 1 else gradient


class AdversarialStep:
    """The gradients of the mean cost of a mini-batch and its adversarial examples.

    Args:
        step: What computes the gradients of both together: a mini-batch twice as large.
        mlp: The network.
        epsilon: As in `adversarial_examples`.
    """

    def __init__(self, step: Step, mlp: MLP, epsilon: float) -> None:
        self.step = step
        self.mlp = mlp
        self.epsilon = epsilon

    def __call__(
        self, x: Float[Tensor, "batch n_0"], y: Float[Tensor, "twice_batch n_L"], z: Float[Tensor, "twice_batch n_L"]
    ) -> None:
        """Write z^L of both into z, and the gradient of each parameter into its `grad`; y is aimed at by both."""
        self.step(torch.cat([x, adversarial_examples(self.mlp, x, y[: len(x)], self.epsilon)]), y, z)


class AccumulatingStep:
    """The mean gradients of k mini-batches, one after another, for one update.

    Args:
        step: What computes the gradients of one, divided by k.
        parameters: Those of the network.
        k: Mini-batches for an update.
        before: How many of them came before the next one; the sum of their gradients is the `grad` of the parameters.
    """

    def __init__(self, step: Step, parameters: Iterable[nn.Parameter], k: int, before: int) -> None:
        self.step = step
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.k = k
        self.before = before

    def __call__(self, x: Inputs, y: Outputs, z: Outputs) -> None:
        """Write z^L into z, and add the gradient of each parameter to its `grad`, where it is not the first of k."""
        sums = self._gradients() if self.before else {}
        self.step(x, y, z)
        latest = self._gradients()
        if both := [parameter for parameter in latest if parameter in sums]:
            add_scaled_([sums[parameter] for parameter in both], [latest[parameter] for parameter in both], 1.0)
        # cloned, since the step will write into its memory again
        sums |= {parameter: gradient.clone() for parameter, gradient in latest.items() if parameter not in sums}
        for parameter, total in sums.items():
            parameter.grad = total
        self.before = (self.before + 1) % self.k

    def _gradients(self) -> dict[nn.Parameter, Tensor]:
        """The gradients of those that took part."""
        return {parameter: parameter.grad for parameter in self.parameters if parameter.grad is not None}


def _overlapping(memory: Float[Tensor, "*networks batch n"], widths: Sequence[int]) -> list[Tensor]:
    """A matrix for each layer, all in one memory: each is done with it before the next one needs it."""
    shape = memory.shape[:-1]
    return [memory.flatten()[: shape.numel() * n].view(*shape, n) for n in widths]


def run_steps(step: Step, after_step: Sequence[AfterStep], xs: BlockInputs, ys: BlockOutputs, zs: BlockOutputs) -> None:
    """Train on one mini-batch after another.

    Args:
        step: What computes the gradients.
        after_step: What is called after each mini-batch, see `mnist_mlp.bare_loop.after_step`; where gradients are
            accumulated, after the last one of each update.
        xs: The inputs.
        ys: The values aimed at.
        zs: Where z^L of each mini-batch, from before its update, is written.
    """
    for x, y, z in zip(xs.unbind(), ys.unbind(), zs.unbind(), strict=True):
        step(x, y, z)
        if isinstance(step, AccumulatingStep) and step.before:
            continue
        for call in after_step:
            call()
