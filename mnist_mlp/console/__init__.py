"""What commands share: tables, figures, quiet output, files that can be written, and devices.

May import: nothing of this project.
One more of its kind: a small file named for what it does, once a second command needs it.
"""
