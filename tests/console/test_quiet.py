import logging
import warnings

import pytest

from mnist_mlp.console.quiet import quiet


def speak(level):
    print("printed")
    warnings.warn("warned", stacklevel=1)
    logging.getLogger("lightning.pytorch").log(level, "logged")


def test_nothing_is_said_within_and_all_after(capsys, caplog):
    with quiet():
        speak(logging.WARNING)
    assert capsys.readouterr().out == ""
    assert not caplog.messages
    with pytest.warns(UserWarning, match="warned"):
        speak(logging.WARNING)
    assert capsys.readouterr().out == "printed\n"
    assert caplog.messages == ["logged"]


def test_levels_that_are_set_within_do_not_matter(caplog):
    with quiet():
        logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
        speak(logging.INFO)
    assert not caplog.messages


def test_errors_are_still_said(caplog):
    with quiet():
        speak(logging.ERROR)
    assert caplog.messages == ["logged"]


def test_an_exception_ends_the_quiet(capsys):
    with pytest.raises(ValueError, match="raised"), quiet():
        raise ValueError("raised")
    print("printed")
    assert capsys.readouterr().out == "printed\n"
    assert logging.root.manager.disable == logging.NOTSET
