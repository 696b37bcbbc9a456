"""Steps of training without Lightning between them: gradients of a mini-batch, and the update of the parameters.

`ManualStep` calls the same equations of layer 0 as `mnist_mlp.network.autograd_functions` does, with the same results
bit for bit, but without autograd's graph, and into memory that was allocated once.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import SGD, Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.backprop import Buffers, Trace, backward_pass, forward_pass
from mnist_mlp.equations.costs import OutputBuffers
from mnist_mlp.equations.matrix_product import ONEDNN_PRODUCTS, is_onednns
from mnist_mlp.equations.penalties import l1_gradient, l2_gradient
from mnist_mlp.network.adversarial import adversarial_examples
from mnist_mlp.network.mlp import MLP, draw_mask
from mnist_mlp.network.stack import MLPStack

Step = Callable[[Tensor, Tensor, Tensor], None]


class AutogradStep:
    """The gradients of cost and penalties by autograd.

    Args:
        mlp: The network.
        l1_strength: As in `MLP.l1_penalty`.
        l2_strength: As in `MLP.l2_penalty`.
    """

    def __init__(self, mlp: MLP, l1_strength: float = 0.0, l2_strength: float = 0.0) -> None:
        self.mlp = mlp
        self.l1_strength = l1_strength
        self.l2_strength = l2_strength

    def __call__(
        self, x: Float[Tensor, "batch n_0"], y: Float[Tensor, "batch n_L"], z: Float[Tensor, "batch n_L"]
    ) -> None:
        """Write z^L into z, and the gradient of each parameter into its `grad`."""
        self.mlp.zero_grad()
        logits = self.mlp(x)
        self.mlp.penalized(self.mlp.loss(logits, y), self.l1_strength, self.l2_strength).backward()
        z.copy_(logits.detach())


class ManualStep:
    """The gradients of cost and penalties by hand.

    Args:
        mlp: The network, or several: z and the values aimed at then have one dimension more before, as the inputs do.
            It is trained: its dropout, if any, is on.
        batch_size: Samples in every mini-batch.
        l1_strength: As in `MLP.l1_penalty`.
        l2_strength: As in `MLP.l2_penalty`.
        generators: What the dropout masks of each network of a stack are drawn from; those of one network come from
            torch's global generator.
    """

    def __init__(
        self,
        mlp: MLP | MLPStack,
        batch_size: int,
        l1_strength: float = 0.0,
        l2_strength: float = 0.0,
        generators: Sequence[torch.Generator] = (),
    ) -> None:
        self.mlp = mlp
        self.parameters = [*mlp.weights, *mlp.biases]
        self.weights = [w.detach() for w in mlp.weights]
        self.transposed = [w.mT for w in self.weights]
        self.biases = [b.detach() for b in mlp.biases]
        self.sigmas = [ACTIVATIONS[name] for name in mlp.activations]

        empty = partial(self.weights[0].new_empty, *self.weights[0].shape[:-2], batch_size)
        *hidden, n_out = mlp.sizes[1:]
        probabilities = mlp.dropout_probabilities
        self.masks = [empty(n) if p else None for n, p in zip(mlp.sizes[:-1], probabilities, strict=True)]
        self.draws = [
            (part, p, generator)
            for mask, p in zip(self.masks, probabilities, strict=True)
            if mask is not None
            for part, generator in (zip(mask, generators, strict=True) if generators else [(mask, None)])
        ]
        self.zs = [*(empty(n) for n in hidden), empty(0)]
        self.large = [
            w.dim() == 2 and w.numel() * batch_size >= ONEDNN_PRODUCTS and is_onednns(w) for w in self.weights
        ]
        self.buffers = Buffers(
            inputs=[None if mask is None else torch.empty_like(mask) for mask in self.masks],
            zs=self.zs,
            nablas=_overlapping(empty(max(hidden, default=0)), hidden),
            deltas=_overlapping(empty(max(hidden, default=0)), hidden),
            weights=[None if large else torch.empty_like(w) for w, large in zip(self.weights, self.large, strict=True)],
            biases=[torch.empty_like(b) for b in self.biases],
        )
        self.output_buffers = OutputBuffers(empty(n_out), empty(n_out), empty(n_out))
        penalties = ((l1_gradient, l1_strength), (l2_gradient, l2_strength))
        self.penalties = [
            (partial(gradient, strength=strength), [torch.empty_like(w) for w in self.weights])
            for gradient, strength in penalties
            if strength
        ]

    def __call__(
        self,
        x: Float[Tensor, "*networks batch n_0"],
        y: Float[Tensor, "*networks batch n_L"],
        z: Float[Tensor, "*networks batch n_L"],
    ) -> None:
        """Write z^L into z, and make the gradient of each parameter its `grad`.

        It wants no graph of autograd's, and does not check x and y: see `mnist_mlp.equations.backprop.check_inputs`.
        """
        for parameter, large in zip(self.parameters, self.large, strict=False):
            if large:  # its gradient is not written into a buffer, but made anew
                parameter.grad = None
        for mask, p, generator in self.draws:
            draw_mask(mask, p, generator)
        self.backward(y, z, self.forward(x, z))

    def forward(self, x: Float[Tensor, "*networks batch n_0"], z: Float[Tensor, "*networks batch n_L"]) -> Trace:
        """Write z^L into z, and return what the backward pass needs."""
        self.zs[-1] = z
        z_L, trace = forward_pass(x, self.transposed, self.biases, self.sigmas, self.masks, self.buffers)
        if z_L is not z:
            z.copy_(z_L)
        return trace

    def backward(
        self, y: Float[Tensor, "*networks batch n_L"], z: Float[Tensor, "*networks batch n_L"], trace: Trace
    ) -> None:
        """Make the gradient of each parameter its `grad`."""
        delta = self.mlp.cost.output_error(z, y, self.output_buffers)
        _, nabla_w, nabla_b = backward_pass(delta, self.weights, self.sigmas, trace, self.buffers)
        if self.penalties:  # summed up before they are added, as autograd does it
            for l, (w, nabla) in enumerate(zip(self.weights, nabla_w, strict=True)):
                first, *others = (gradient(w, out=buffers[l]) for gradient, buffers in self.penalties)
                nabla.add_(first.add_(*others) if others else first)
        for parameter, gradient in zip(self.parameters, (*nabla_w, *nabla_b), strict=True):
            parameter.grad = gradient


def _overlapping(memory: Float[Tensor, "*networks batch n"], widths: Sequence[int]) -> list[Tensor]:
    """A matrix for each layer, all in one memory: each is done with it before the next one needs it."""
    shape = memory.shape[:-1]
    return [memory.flatten()[: shape.numel() * n].view(*shape, n) for n in widths]


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


class Descent:
    """Plain gradient descent, w <- w - eta nabla_w, in one call.

    The same bits as `torch.optim.SGD`, without the hooks and checks of its `step`, which take four times as long.

    Args:
        optimizer: The optimizer, whose learning rates eta are those at the time of the call.
    """

    def __init__(self, optimizer: SGD) -> None:
        self.groups = [(group, [p.detach() for p in group["params"]]) for group in optimizer.param_groups]

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """eta of each group."""
        return tuple(float(group["lr"]) for group, _ in self.groups)

    def __call__(self) -> None:
        """Make a step."""
        for (group, parameters), eta in zip(self.groups, self.learning_rates, strict=True):
            gradients = [p.grad for p in group["params"]]
            torch._foreach_add_(parameters, gradients, alpha=-eta)  # pyright: ignore[reportPrivateImportUsage]


def has_hooks(mlp: MLP) -> bool:
    """Whether the backward pass, or calling the network, is to do more than the equations: then autograd is needed."""
    of_parameters = any(p._backward_hooks or p._post_accumulate_grad_hooks for p in mlp.parameters())
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    of_modules = any(getattr(module, kind) for module in mlp.modules() for kind in kinds)
    return of_parameters or of_modules or bool(torch.nn.modules.module._has_any_global_hook())


def update_of(optimizer: Optimizer) -> Callable[[], Any]:
    """What updates the parameters: `Descent` where the optimizer comes to it, else its `step`."""
    others = ("momentum", "weight_decay", "maximize", "differentiable", "fused")
    if type(optimizer) is not SGD or any(group[name] for group in optimizer.param_groups for name in others):
        return optimizer.step
    own_hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    hooks = own_hooks or _global_optimizer_pre_hooks or _global_optimizer_post_hooks
    frozen = any(not parameter.requires_grad for group in optimizer.param_groups for parameter in group["params"])
    return optimizer.step if hooks or frozen else Descent(optimizer)


def run_steps(
    step: Step,
    updates: Sequence[Callable[[], Any]],
    xs: Float[Tensor, "steps *networks batch n_0"],
    ys: Float[Tensor, "steps *networks batch n_L"],
    zs: Float[Tensor, "steps *networks batch n_L"],
) -> None:
    """Train on one mini-batch after another.

    Args:
        step: What computes the gradients.
        updates: What is done with them after each mini-batch.
        xs: The inputs.
        ys: The values aimed at.
        zs: Where z^L of each mini-batch, from before its update, is written.
    """
    for x, y, z in zip(xs.unbind(), ys.unbind(), zs.unbind(), strict=True):
        step(x, y, z)
        for update in updates:
            update()


class StepGraphs:
    """`run_steps` on CUDA: the first block of a shape runs as ever, the second is captured, and all others replay it.

    A captured graph holds the learning rates as they were, and the addresses of the parameters and the step's buffers:
    other rates or parameters are captured anew, and the step is kept.
    """

    def __init__(self) -> None:
        self.graphs: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, list[Tensor], ManualStep] | None] = {}

    def run(
        self,
        step: ManualStep,
        descent: Descent,
        xs: Float[Tensor, "steps *networks batch n_0"],
        ys: Float[Tensor, "steps *networks batch n_L"],
        zs: Float[Tensor, "steps *networks batch n_L"],
    ) -> None:
        """Train on one mini-batch after another, as `run_steps` does."""
        state = (descent.learning_rates, *(parameter.data_ptr() for parameter in step.parameters))
        key = (xs.shape, state)
        if key not in self.graphs:
            self.graphs = {known: graph for known, graph in self.graphs.items() if known[1] == state} | {key: None}
            run_steps(step, [descent], xs, ys, zs)
            return
        captured = self.graphs[key]
        if captured is None:
            graph, tensors = torch.cuda.CUDAGraph(), [xs.clone(), ys.clone(), zs.clone()]
            with torch.cuda.graph(graph):
                run_steps(step, [descent], *tensors)
            self.graphs[key] = captured = (graph, tensors, step)
        graph, (own_xs, own_ys, own_zs), _ = captured
        own_xs.copy_(xs)
        own_ys.copy_(ys)
        graph.replay()
        zs.copy_(own_zs)
