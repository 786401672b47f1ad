"""The processes that convert: the supervisor, and the workers that it starts, watches and sends jobs to."""
