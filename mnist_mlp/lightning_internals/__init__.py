"""Every touch of what Lightning, jsonargparse and TensorBoard do not publish, each with what it relies on.

May import: plain_values, console.
One more touch: a function in the file of its subject, a line that says what it relies on, and a test that fails loudly
when that changes.
"""
