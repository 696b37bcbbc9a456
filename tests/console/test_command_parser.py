import pytest

from mnist_mlp.cli import COMMANDS, main
from mnist_mlp.console.plain_errors import LONGEST_SENTENCE


@pytest.mark.parametrize("command", ["", *(name for name in COMMANDS if name not in ("fit", "validate", "test"))])
def test_what_is_unknown_is_repeated_only_in_part(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*filter(None, [command]), "--nome", "x" * 400])
    said = capsys.readouterr().err + (ended.value.code if isinstance(ended.value.code, str) else "")
    assert len(said.splitlines()[-1]) <= LONGEST_SENTENCE
