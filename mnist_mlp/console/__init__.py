"""What commands share at the terminal: tables, quiet output, and whether a file can be written.

May import: nothing of this project.
One more of its kind: a function that at least two commands call.
"""
