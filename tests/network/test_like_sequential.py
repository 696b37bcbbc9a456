"""What people do with an `nn.Sequential` of linear layers they can do with an `MLP`, with the same numbers."""

import copy
import io
import pickle
import warnings
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune

from mnist_mlp import MLP

pytestmark = [
    pytest.mark.usefixtures("without_shape_checks"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning"),  # by torch.func itself
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),  # by torch.compile itself
    pytest.mark.filterwarnings("ignore:Full backward hook is firing when gradients are computed with respect to"),
]

SIZES = [6, 5, 4, 3]
X = torch.rand(7, 6, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(7) % 3


def mlp(gradients="autograd", **arguments):
    torch.manual_seed(0)
    return MLP(SIZES, "tanh", initializer="xavier", gradients=gradients, **arguments)


def sequential_of(network):
    """The same layers in plain torch."""
    first, second, last = copy.deepcopy(network.layers)
    return nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), last)


def linears(network) -> list[Any]:
    return list(network.layers) if isinstance(network, MLP) else [network[0], network[2], network[4]]


def replace(network, l, layer):
    if isinstance(network, MLP):
        network.layers[l] = layer
    else:
        network[2 * l] = layer


def trained(network, steps=3):
    """z^L after some steps of plain torch, and all parameters that have a gradient."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5, momentum=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(network(X), LABELS).backward()
        optimizer.step()
    return network(X), [p for p in network.parameters() if p.grad is not None]


def loss_of(network, parameters, x, labels):
    return F.cross_entropy(functional_call(network, parameters, (x,)), labels)


def named(network):
    """The parameters by the names that the network gives them, in one order for both."""
    return dict(network.named_parameters())


# Hooks on layers


def forward_hook_that_zeroes(network):
    linears(network)[0].register_forward_hook(lambda layer, args, z: torch.zeros_like(z))
    return trained(network)


def forward_pre_hook_that_scales(network):
    linears(network)[1].register_forward_pre_hook(lambda layer, args: (2 * args[0],))
    return trained(network)


def forward_hook_with_kwargs(network):
    linears(network)[1].register_forward_hook(lambda layer, args, kwargs, z: z + len(kwargs) + 1, with_kwargs=True)
    return trained(network)


def full_backward_hook(network):
    seen = []
    linears(network)[1].register_full_backward_hook(lambda layer, before, after: seen.extend((before[0], after[0])))
    return trained(network, 1), seen


def full_backward_hook_that_halves(network):
    linears(network)[2].register_full_backward_hook(lambda layer, before, after: (before[0] / 2,))
    return trained(network)


def full_backward_pre_hook_that_halves(network):
    linears(network)[1].register_full_backward_pre_hook(lambda layer, after: (after[0] / 2,))
    return trained(network)


def removed_hook(network):
    linears(network)[0].register_forward_hook(lambda layer, args, z: 0 * z).remove()
    return trained(network)


def hook_on_a_parameter(network):
    linears(network)[0].weight.register_hook(lambda gradient: 2 * gradient)
    return trained(network)


def of_all_modules(register, network):
    """What a hook sees that is registered for every module there is."""
    seen = []

    def hook(module, *tensors):
        if isinstance(module, nn.Linear):
            seen.append(tensors[-1][0] if isinstance(tensors[-1], tuple) else tensors[-1])

    handle = register(hook)
    try:
        return trained(network, 1), seen
    finally:
        handle.remove()


def own_forward(network):
    """As accelerate does it: a forward in the layer's own dictionary."""
    layer = linears(network)[0]
    layer.forward = lambda a, own=layer.forward: 2 * own(a)
    return trained(network)


def shapes_by_layer(network):
    """As torchinfo and Lightning's summary find them."""
    shapes = []
    for layer in linears(network):
        layer.register_forward_hook(lambda layer, args, z: shapes.append((tuple(args[0].shape), tuple(z.shape))))
    network(X)
    assert shapes == [((7, n_in), (7, n_out)) for n_in, n_out in pairwise(SIZES)]
    return network(X)


def attribution(network):
    """Grad times activation of a hidden layer, as attribution libraries have it."""
    seen = []
    linears(network)[1].register_forward_hook(lambda layer, args, z: seen.append(z))
    network(X)[:, 1].sum().backward(inputs=list(network.parameters()))
    (z,) = seen
    return torch.autograd.grad(network(X)[:, 1].sum(), seen[-1])[0] * z


# Replaced layers


class LowRank(nn.Module):
    """A layer that stays as it is, plus a product of two small matrices."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        generator = torch.Generator().manual_seed(2)
        self.down = nn.Parameter(torch.rand(2, layer.in_features, generator=generator))
        self.up = nn.Parameter(torch.rand(layer.out_features, 2, generator=generator))

    def forward(self, a):
        return self.layer(a) + a @ self.down.T @ self.up.T


def of_seed(seed, make):
    torch.manual_seed(seed)
    return make()


def another_linear(network):
    replace(network, 1, of_seed(3, lambda: nn.Linear(5, 4)))
    return trained(network)


def other_widths(network):
    replace(network, 0, of_seed(3, lambda: nn.Linear(6, 9)))
    replace(network, 1, of_seed(4, lambda: nn.Linear(9, 4)))
    return trained(network)


def more_outputs(network):
    replace(network, 2, of_seed(3, lambda: nn.Linear(4, 8)))
    return trained(network)


def more_inputs(network):
    replace(network, 0, nn.Sequential(nn.ZeroPad1d((0, 4)), of_seed(3, lambda: nn.Linear(10, 5))))
    return trained(network)


def no_bias(network):
    replace(network, 1, of_seed(3, lambda: nn.Linear(5, 4, bias=False)))
    return trained(network)


def an_identity(network):
    replace(network, 1, nn.Identity())
    replace(network, 2, of_seed(3, lambda: nn.Linear(5, 3)))
    return trained(network)


def low_rank(network):
    for l, layer in enumerate(linears(network)):
        replace(network, l, LowRank(layer))
    return trained(network)


def another_parameter(network):
    linears(network)[0].weight = nn.Parameter(torch.ones(5, 6))
    return trained(network)


def tied(network):
    replace(network, 1, of_seed(3, lambda: nn.Linear(5, 5)))
    replace(network, 2, linears(network)[1])
    return trained(network)


# Parametrizations and pruning


def weight_norm(network):
    for layer in linears(network):
        parametrizations.weight_norm(layer)
    return trained(network)


def spectral_norm(network):
    torch.manual_seed(0)
    parametrizations.spectral_norm(linears(network)[0])
    return trained(network)


def orthogonal(network):
    parametrizations.orthogonal(linears(network)[1])
    return trained(network)


def own_parametrization(network):
    class Symmetric(nn.Module):
        def forward(self, w):
            return w.abs()

    for layer in linears(network):
        parametrize.register_parametrization(layer, "weight", Symmetric())
        parametrize.register_parametrization(layer, "bias", Symmetric())
    with parametrize.cached():
        return trained(network, 1), network(X)


def removed_parametrization(network):
    for layer in linears(network):
        parametrizations.weight_norm(layer)
        parametrize.remove_parametrizations(layer, "weight")
    return trained(network)


def old_weight_norm(network):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(linears(network)[0])
    return trained(network)


def old_spectral_norm(network):
    torch.manual_seed(0)
    nn.utils.spectral_norm(linears(network)[0])
    return trained(network)


def l1_unstructured(network):
    for layer in linears(network):
        prune.l1_unstructured(layer, "weight", amount=0.5)
        prune.l1_unstructured(layer, "bias", amount=1)
    return trained(network)


def ln_structured(network):
    prune.ln_structured(linears(network)[0], "weight", amount=2, n=2, dim=0)
    return trained(network)


def global_unstructured(network):
    parts = [(layer, "weight") for layer in linears(network)]
    prune.global_unstructured(parts, pruning_method=prune.L1Unstructured, amount=0.4)
    z = trained(network)
    for layer, name in parts:
        prune.remove(layer, name)
    return z, trained(network)


# torch.func


def by_functional_call(network):
    return functional_call(network, {name: p + 0.1 for name, p in network.named_parameters()}, (X,))


def gradient(network):
    return list(grad(partial(loss_of, network))(named(network), X, LABELS).values())


def gradients_of_each_sample(network):
    def loss(parameters, x, label):
        return loss_of(network, parameters, x[None], label[None])

    return list(vmap(grad(loss), in_dims=(None, 0, 0))(named(network), X, LABELS).values())


def single_vectors(network):
    return vmap(network)(X)


def jacobians(network):
    def z(parameters):
        return functional_call(network, parameters, (X,))

    return [list(transform(z)(named(network)).values()) for transform in (jacrev, jacfwd)]


def hessians(network):
    of_parameters = hessian(lambda parameters: loss_of(network, parameters, X, LABELS))(named(network))
    of_inputs = hessian(lambda x: F.cross_entropy(network(x), LABELS))(X)
    return [list(row.values()) for row in of_parameters.values()], of_inputs


def jacobian_product(network):
    return jvp(network, (X,), (torch.ones_like(X),))


def ensemble(network):
    networks = [network, copy.deepcopy(network)]
    with torch.no_grad():
        linears(networks[1])[0].weight.mul_(2)
    parameters, buffers = stack_module_state(networks)
    return vmap(lambda p, b: functional_call(network, (p, b), (X,)))(parameters, buffers)


def functionalized(network):
    return torch.func.functionalize(network)(X)


# Tracing, compiling, exporting


def compiled(network):
    return trained(torch.compile(network, fullgraph=True, backend="aot_eager"))


def compiled_for_any_batch(network):
    program = torch.compile(network, fullgraph=True, backend="eager", dynamic=True)
    return program(X), program(X[:3])


def compiled_layer(network):
    linears(network)[0].compile(backend="eager")
    replace(network, 1, torch.compile(linears(network)[1], backend="eager"))
    return trained(network)


def exported(strict, network):
    shapes = ({0: torch.export.Dim("n")},)
    program = torch.export.export(network, (X,), dynamic_shapes=shapes, strict=strict)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file).module()(X[:4])


def to_onnx(dynamo, network):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    if dynamo:
        pytest.importorskip("onnxscript")
    file: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.eval(), (X,), file, dynamo=dynamo, input_names=["x"], verbose=False)
    session = runtime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"x": X.numpy()})[0])


def traced(network):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program: Any = torch.jit.trace(network, X)
        return program(X[:4])


def symbolically_traced(network):
    program = torch.fx.symbolic_trace(network)
    assert [node.op for node in program.graph.nodes].count("call_module") >= 3
    return trained(program)


def traced_by_operators(network):
    program: Any = make_fx(network)(X)
    return program(X)


def fake(network):
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True):
        assert network(torch.empty(9, 6)).shape == (9, 3)
    return network(X)


# Devices, precision, copies, quantization


def on_meta(network):
    meta = copy.deepcopy(network).to("meta")
    assert meta(X.to("meta")).shape == (7, 3)
    assert not list(meta.buffers())
    there = meta.to_empty(device="cpu")
    there.load_state_dict(network.state_dict())
    return trained(there)


def assigned(network):
    meta = copy.deepcopy(network).to("meta")
    meta.load_state_dict(network.state_dict(), assign=True)
    return trained(meta)


def copied(network):
    return trained(copy.deepcopy(network))


def pickled(network):
    return trained(pickle.loads(pickle.dumps(network)))


def saved_whole(network):
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    return trained(torch.load(file, weights_only=False))


def averaged(network):
    average = torch.optim.swa_utils.AveragedModel(network)
    trained(network)
    average.update_parameters(network)
    return average(X)


def quantized_dynamically(network):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = torch.ao.quantization.quantize_dynamic(network, {nn.Linear}, dtype=torch.qint8)
        assert all(type(layer).__module__.startswith("torch.ao") for layer in linears(quantized))
        return quantized(X)


def quantized_statically(network):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped: Any = torch.ao.quantization.QuantWrapper(network).eval()
        wrapped.qconfig = torch.ao.quantization.get_default_qconfig()
        torch.ao.quantization.prepare(wrapped, inplace=True)
        wrapped(X)
        torch.ao.quantization.convert(wrapped, inplace=True)
        return wrapped(X)


def under_autocast(network):
    linears(network)[0].register_forward_hook(lambda layer, args, z: None)
    with torch.autocast("cpu", torch.bfloat16):
        z = network(X)
    z.float().sum().backward()
    return z, [p.grad for p in network.parameters()]


def in_double(network):
    linears(network)[0].register_forward_hook(lambda layer, args, z: None)
    return network.double()(X.double())


def checkpointed(network):
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import apply_activation_checkpointing

    apply_activation_checkpointing(network, check_fn=lambda module: isinstance(module, nn.Linear))
    return trained(network)


def counted(network):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(X).sum().backward()
    return torch.tensor(counter.get_total_flops()), [p.grad for p in network.parameters()]


hooks = nn.modules.module
USES = {
    use.__name__: use
    for use in (
        trained,
        forward_hook_that_zeroes,
        forward_pre_hook_that_scales,
        forward_hook_with_kwargs,
        full_backward_hook,
        full_backward_hook_that_halves,
        full_backward_pre_hook_that_halves,
        removed_hook,
        hook_on_a_parameter,
        own_forward,
        shapes_by_layer,
        attribution,
        another_linear,
        other_widths,
        more_outputs,
        more_inputs,
        no_bias,
        an_identity,
        low_rank,
        another_parameter,
        tied,
        weight_norm,
        spectral_norm,
        orthogonal,
        own_parametrization,
        removed_parametrization,
        old_weight_norm,
        old_spectral_norm,
        l1_unstructured,
        ln_structured,
        global_unstructured,
        by_functional_call,
        gradient,
        gradients_of_each_sample,
        single_vectors,
        jacobians,
        hessians,
        jacobian_product,
        ensemble,
        functionalized,
        compiled,
        compiled_for_any_batch,
        compiled_layer,
        traced,
        symbolically_traced,
        traced_by_operators,
        fake,
        on_meta,
        assigned,
        copied,
        pickled,
        saved_whole,
        averaged,
        quantized_dynamically,
        quantized_statically,
        under_autocast,
        in_double,
        checkpointed,
        counted,
    )
} | {
    "all_forward": partial(of_all_modules, hooks.register_module_forward_hook),
    "all_forward_pre": partial(of_all_modules, hooks.register_module_forward_pre_hook),
    "all_full_backward": partial(of_all_modules, hooks.register_module_full_backward_hook),
    "all_full_backward_pre": partial(of_all_modules, hooks.register_module_full_backward_pre_hook),
    "exported": partial(exported, False),
    "exported strictly": partial(exported, True),
    "to onnx": partial(to_onnx, True),
    "to onnx by tracing": partial(to_onnx, False),
}


@pytest.mark.parametrize("gradients", ["autograd", "manual"])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_same_numbers_as_a_sequential(use, gradients):
    network = mlp(gradients)
    expected = use(sequential_of(network))
    torch.testing.assert_close(use(network), expected)
