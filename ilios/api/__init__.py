"""The HTTP floor: translates requests into calls of the services, and their answers back."""
