"""A hostile load beside an innocent client; see `python -m tests.siege --help`."""
