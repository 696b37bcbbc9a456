"""What reads the options of a command."""

import argparse
from typing import NoReturn

from typing_extensions import override

from mnist_mlp.console.plain_errors import shortened


class CommandParser(argparse.ArgumentParser):
    """argparse's, whose errors repeat no more of what was typed than can be read."""

    @override
    def error(self, message: str) -> NoReturn:
        super().error(shortened(message))
