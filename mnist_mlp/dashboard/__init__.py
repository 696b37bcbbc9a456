"""What is shown of a run: one file for each panel of TensorBoard, the HTML report, and the server.

May import: console, equations, network, lightning_internals, data, training.
One more panel: a file with a class of `panel.py`'s `Panel`, and one line in the table of `panels.py`. Its switch, its
charts and captions in TensorBoard, and its part of the report follow from these.
"""
