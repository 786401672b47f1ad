"""Real clients of other services, pinned, against a running Ilios: `make dialects-test`."""
