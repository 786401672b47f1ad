"""A real PostgreSQL for the tests, from a wheel."""
