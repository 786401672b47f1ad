"""What is shipped, and the list of it. `make sbom`, no part of `make test`."""
