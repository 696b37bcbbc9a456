import errno

import numpy as np
import pytest
import torch

from mnist_mlp.console.plain_errors import is_out_of_memory, naming, plain_sentence


@pytest.mark.parametrize(
    "ask",
    [
        lambda: torch.empty(10**15),
        lambda: torch.empty(10**12, 10**12),
        lambda: np.empty(10**15, dtype=np.uint8),
    ],
)
def test_too_much_memory_is_said_with_how_much_there_is(ask):
    with pytest.raises((RuntimeError, MemoryError)) as refused:
        ask()
    assert is_out_of_memory(refused.value)
    sentence = plain_sentence(refused.value)
    assert sentence.startswith("memory is too small: ")
    assert "asked for at once, and " in sentence
    assert len(sentence) < 200
    assert "alloc_cpu" not in sentence


def test_the_amount_is_in_plain_units():
    error = RuntimeError("DefaultCPUAllocator: you tried to allocate 3136000000000 bytes. Error code 12")
    assert plain_sentence(error).startswith("memory is too small: 2.9 TiB are asked for at once")


def test_a_full_disk_is_said():
    error = OSError(errno.ENOSPC, "No space left on device")
    assert plain_sentence(error) == "no space is left on the disk; make room, or write elsewhere"
    error.filename = "logs/a"
    assert plain_sentence(error) == "no space is left for logs/a; make room, or write elsewhere"


def test_numbers_of_the_system_are_left_out():
    assert plain_sentence(OSError(errno.EINVAL, "Invalid argument")) == "Invalid argument"
    assert plain_sentence(FileNotFoundError(errno.ENOENT, "No such file", b"logs/a")) == "No such file: 'logs/a'"


def test_long_input_is_not_repeated_whole():
    said = plain_sentence(ValueError(f"got '{'x' * 10**6}'; use y"))
    assert said == f"got '{'x' * 59}... (1,000,003 characters) use y"
    cut = plain_sentence(ValueError(f"{'relu, ' * 10**5} did you mean tanh?"))
    assert len(cut) == 300
    assert cut.endswith("did you mean tanh?")
    assert plain_sentence(ValueError("short\n  and plain")) == "short and plain"


def test_the_error_of_a_library_names_the_setting():
    with pytest.raises(ValueError, match=r"^model.optimizer: 'a' is too large$"), naming("model.optimizer"):
        raise TypeError("'a' is too\n  large")
    with pytest.raises(RuntimeError, match="tried to allocate"), naming("model.optimizer"):
        raise RuntimeError("you tried to allocate 3136000000000 bytes. Error code 12")


def test_other_errors_stay_unexpected():
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(KeyError("tried to allocate 3 bytes"))
