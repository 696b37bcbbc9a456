import pytest
import torch

from mnist_mlp.equations import matrix_product as products
from mnist_mlp.equations.matrix_product import ONEDNN_PRODUCTS, product


@pytest.mark.parametrize("onednn", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("transposed", ["neither", "left", "right"])
def test_is_the_product(onednn, bias, transposed, monkeypatch):
    m, k, n = (130, 210, 190) if onednn else (5, 7, 3)
    assert (m * k * n >= ONEDNN_PRODUCTS) == onednn
    a = torch.randn(k, m).T if transposed == "left" else torch.randn(m, k)
    b = torch.randn(n, k).T if transposed == "right" else torch.randn(k, n)
    rows = torch.randn(n) if bias else None
    expected = a.double() @ b.double() + (0 if rows is None else rows.double())
    with torch.no_grad():
        torch.testing.assert_close(product(a, b, rows).double(), expected, rtol=1e-4, atol=1e-4)


def test_large_products_are_onednns_where_it_serves(monkeypatch):
    monkeypatch.setattr(products, "HAS_ONEDNN_LINEAR", True)
    called = []
    monkeypatch.setattr(
        torch.ops.mkldnn, "_linear_pointwise", lambda a, b, *rest: called.append(a.dtype) or torch.mm(a, b.T)
    )
    a = torch.randn(200, 200)
    with torch.no_grad():
        product(a, a)
        product(a.double(), a.double())
        product(a[:50], a)
        with torch.autocast("cpu", torch.bfloat16):
            assert product(a, a).dtype == torch.bfloat16
    product(a, a)
    assert called == [torch.float32]


def test_large_products_have_a_gradient():
    a = torch.randn(200, 200, requires_grad=True)
    product(a, a.detach()).sum().backward()
    assert a.grad is not None
