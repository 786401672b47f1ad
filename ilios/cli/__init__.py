"""The `ilios` command: one module for each command, without logic of its own.

A module imports what its command needs when that runs, so that `ilios --help` is quick.
"""
