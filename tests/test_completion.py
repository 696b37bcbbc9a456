"""`mnist-mlp completion`: what the shell then completes."""

import os
import pty
import select
import shlex
import subprocess
import time
from shutil import which

import pytest

from mnist_mlp.cli import COMMANDS, main

pytest.importorskip("shtab")
pytestmark = pytest.mark.usefixtures("without_shape_checks")

ASK = "source {script}; COMP_WORDS=({words}); COMP_CWORD={last}; _shtab_mnist_mlp; printf '%s\\n' \"${{COMPREPLY[@]}}\""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The files with the scripts, by their shells."""
    from mnist_mlp.completion import SHELLS, script

    folder = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        (folder / shell).write_text(script(shell))
    return {shell: folder / shell for shell in SHELLS}


@pytest.mark.skipif(not which("bash"), reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["re"], ["report", "reproduce"]),
        (["fit", "--model.hid"], ["--model.hidden_sizes", "--model.hidden_sizes+"]),
        (["fit", "--config", "quicks"], ["quickstart"]),
        (["fit", "--config", "mi"], ["mine.yaml"]),
        (["fit", "--data.shuffle", "t"], ["true"]),
        (["fit", "--model.gradients", ""], ["autograd", "manual"]),
        (["fit", "--model.optimizer", "AdamW"], ["AdamW"]),
        (["verify", "--config", "quicks"], ["quickstart"]),
        (["reproduce", "nielsen-ch3-ce"], ["nielsen-ch3-ce-100", "nielsen-ch3-ce-30"]),
        (["reproduce", "keras-mlp", "--bud"], ["--budget"]),
        (["predict", "--pic"], ["--picture"]),
        (["predict", "--trainer.limit_p"], ["--trainer.limit_predict_batches"]),
        (["configs", "quick"], ["quickstart"]),
        (["lessons", "slow"], ["slow_learning"]),
        (["completion", "z"], ["zsh"]),
    ],
    ids=lambda part: " ".join(part),
)
def test_bash_completes(scripts, typed, completed, tmp_path):
    (tmp_path / "mine.yaml").touch()
    words = " ".join(map(shlex.quote, ["mnist-mlp", *typed]))
    ask = ASK.format(script=scripts["bash"], words=words, last=len(typed))
    done = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert sorted(done.stdout.split()) == completed


def test_zsh_has_it_with_what_it_means(scripts):
    text = scripts["zsh"].read_text()
    assert text.startswith("#compdef mnist-mlp\n")
    for command, (_, summary) in COMMANDS.items():
        start = summary.partition("'")[0]
        assert f"    {command}:'{start}" in text
    assert "The probability of dropping a hidden neuron" in text
    if which("zsh"):
        subprocess.run(["zsh", "-f", "-n", scripts["zsh"]], check=True)


@pytest.fixture(scope="module")
def typed_into_zsh(scripts, tmp_path_factory):
    """A function that types keys into an interactive zsh, and gives what it shows when it shows what is expected."""
    home = tmp_path_factory.mktemp("zsh")
    (home / "_mnist-mlp").write_text(scripts["zsh"].read_text())
    terminal, end = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "HOME": str(home), "COLUMNS": "200"}
    command = ["zsh", "-f", "-i"]
    zsh = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environment, start_new_session=True)
    os.close(end)

    def read_until(wanted):
        shown, end = "", time.monotonic() + 60
        while wanted not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 0.5)[0]:
                shown += os.read(terminal, 65536).decode(errors="replace")
        return shown

    def ask(keys, wanted):
        os.write(terminal, keys.encode())
        shown = read_until(wanted)
        os.write(terminal, b"\x15")  # which empties the line
        return shown

    os.write(terminal, f"fpath=({home} $fpath); autoload -Uz compinit; compinit -u; print REA''DY\n".encode())
    read_until("READY")
    yield ask
    os.close(terminal)
    zsh.kill()
    zsh.wait()


@pytest.mark.skipif(not which("zsh"), reason="there is no zsh")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("mnist-mlp repr", "mnist-mlp reproduce "),
        ("mnist-mlp fit --config quicks", "--config quickstart "),
        ("mnist-mlp fit --model.hid", "fit --model.hidden_sizes"),
        ("mnist-mlp fit --model.gradients m", "--model.gradients manual "),
        ("mnist-mlp predict --pic", "predict --picture"),
        ("mnist-mlp lessons slow", "lessons slow_learning "),
    ],
)
def test_zsh_completes(typed_into_zsh, typed, completed):
    shown = typed_into_zsh(f"{typed}\t", completed)
    assert completed in shown
    assert "_arguments" not in shown  # where its message would begin


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("mnist_mlp.completion.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"completion needs shtab, .*: pip install 'mnist-mlp\[completion\]'"):
        main(["completion", "bash"])


def test_help_is_shown_again_afterwards(scripts, capsys):
    with pytest.raises(SystemExit):
        main(["lessons", "--help"])
    assert capsys.readouterr().out.startswith("usage: mnist-mlp lessons")
