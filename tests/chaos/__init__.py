"""Random faults under steady load; see `python -m tests.chaos --help`."""
