"""The name of a run: that of one folder, which all commands understand alike."""

import re

ALLOWED = re.compile(r"\w([\w .,+=@()-]*[\w+=@()-])?")
MAX_BYTES = 255  # of a folder's name
NOTHING = "null"  # what YAML reads as nothing, also on the command line


def check_run_name(name: object) -> None:
    """See that a run can be called so.

    Args:
        name: What was given, or the name of the file or the data set that stands for it.

    Raises:
        ValueError: if it can not.
    """
    if not isinstance(name, str) or not ALLOWED.fullmatch(name) or name.lower() == NOTHING:
        raise ValueError(
            "name must be that of one folder, made of letters, digits, spaces and . , + = @ ( ) _ -, with a letter or "
            f"a digit first and no space or stop last; got {name!r:.80}: give another with --name"
        )
    if len(name.encode()) > MAX_BYTES:
        raise ValueError(f"name must be at most {MAX_BYTES} bytes long; got {len(name.encode()):,}: give a shorter one")
