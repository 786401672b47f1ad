"""Read what a client sends: bodies, forms, arguments and options."""
