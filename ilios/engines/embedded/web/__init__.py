"""Read web pages and e-books."""
