"""What comes with the package and is found by name in any folder: configurations, lessons; `mnist-mlp configs`.

May import: console.
One more configuration: a file in configs, whose first comment says its purpose and its command.
"""
