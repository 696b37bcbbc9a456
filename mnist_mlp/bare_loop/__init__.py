"""Steps of training without Lightning between them: kinds of step, what follows a step, blocks of steps, CUDA graphs.

May import: torch_internals, equations, network.
One more kind of step: a class beside `ManualStep`, called with (x, y, z), and its case in `BareLoop`.
"""
