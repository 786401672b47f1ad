"""The server's own configuration, with room for few connections."""

from ilios.api.server.gunicorn_conf import *  # noqa: F403  # gunicorn reads every name

worker_connections = 80  #: more than the threads, else gunicorn keeps none
