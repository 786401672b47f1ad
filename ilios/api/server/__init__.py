"""gunicorn as Ilios runs it: configuration, worker, and sockets of slow clients."""
