"""Images from every source, their checks, their order, their distortions, and the loader that keeps them on the device.

May import: nothing of this project.
One more data set: a function that reads it, and one line in the table of `mnist_mlp.data.sources`.
"""
