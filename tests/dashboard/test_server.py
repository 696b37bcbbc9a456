import json
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from torch.utils.tensorboard.writer import SummaryWriter

from mnist_mlp.cli import main


@pytest.fixture
def logs(tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("val/acc", 0.5, 0)
    return tmp_path


def test_tensorboard_answers_on_this_machine_alone(logs):
    command = [sys.executable, "-m", "mnist_mlp", "dashboard", str(logs)]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which a job in the background does not
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed
    ) as process:
        try:
            assert process.stdout
            assert process.stderr
            line = process.stdout.readline()
            address = line.split()[0]
            assert address.startswith("http://127.0.0.1:")
            assert f"shows 1 run of {logs}" in line
            with urlopen(address) as answer:
                assert "TensorBoard" in answer.read().decode()
                begins = parse_qs(urlsplit(answer.url).query)
            assert begins["smoothing"] == ["0"]
            pinned = json.loads(begins["pinnedCards"][0])
            assert [card["tag"] for card in pinned] == ["val/acc", "val/loss", "train/acc", "train/loss"]
            chosen = f"{address}?smoothing=0.5"  # what somebody has set stays
            with urlopen(chosen) as answer:
                assert answer.url == chosen
        finally:
            process.send_signal(signal.SIGINT)
        assert (process.stdout.read(), process.stderr.read()) == ("", "")  # it says one line
    assert process.wait() == 0


def test_it_stops_where_another_thread_is_told_of_the_interrupt(logs):
    program = f"""
import signal, threading, time
from mnist_mlp.dashboard import server

def serve(logdir, port):
    threading.Thread(target=time.sleep, args=[60], daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # of this thread, so that the other one is told
    return "served"

signal.signal(signal.SIGINT, signal.default_int_handler)
server.serve = serve
server.run([{str(logs)!r}])
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("served shows 1 run")
        time.sleep(0.5)  # so that it waits
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_a_port_in_use_is_refused(logs):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "mnist_mlp", "dashboard", str(logs), "--port", str(port)]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    message = f"port {port} is in use; choose another, or leave --port out for one that is free"
    assert refused.stderr.splitlines()[-1] == f"mnist-mlp: error: {message}"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none"], "there is no folder none"),
        (["."], "holds no run; train one with mnist-mlp fit"),
        (["--port", "70000"], "port must lie in 0 ... 65535; got 70000"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message):
        main(["dashboard", *args])
