"""Where jobs run: in processes of this machine, or on the machines of a cluster; both are executors as Python has them.

May import: nothing of this project.
One more place for jobs: a file with a `concurrent.futures.Executor`, and a line in `executor_for` of `choice.py`.
"""
