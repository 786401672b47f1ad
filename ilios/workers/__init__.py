"""The processes that convert: the supervisor, and the workers that it starts and sends jobs to."""
