"""Images from every source, their checks, their order, their distortions, and the loader that keeps them on the device.

May import: plain_values, console, lightning_internals, handwriting.
One more data set, or one more kind of file: a function that makes a `Source` of it, and one line in a table of
`mnist_mlp.data.sources`.
"""
