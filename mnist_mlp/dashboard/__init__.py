"""What is shown of a run: one file for each panel of TensorBoard, the HTML report, and the server.

May import: console, equations, network, data, training.
One more panel: a file with a callback, and one line in the table of `mnist_mlp.dashboard.panels`.
"""
