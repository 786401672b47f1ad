"""The server's own configuration, with less patience for clients than they get in earnest."""

from ilios.api.server.gunicorn_conf import *  # noqa: F403  # gunicorn reads every name
from ilios.api.server.listeners import Listeners
from ilios.api.server.slow_client_socket import SlowClientSocket

SlowClientSocket.silence_seconds = 3.0
SlowClientSocket.send_silence_seconds = 3.0
Listeners.lifetime_seconds = 3.0
