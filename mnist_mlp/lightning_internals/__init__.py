"""Every touch of what Lightning and jsonargparse do not publish, each with what it relies on.

May import: nothing of this project.
One more touch: a function in the file of its subject, a line that says what it relies on, and a test that fails loudly
when that changes.
"""
