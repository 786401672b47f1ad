"""The server's own configuration, with pings as often as a test can wait for."""

from ilios.api.server import listeners
from ilios.api.server.gunicorn_conf import *  # noqa: F403  # gunicorn reads every name
from ilios.api.server.listeners import Listeners
from ilios.api.server.slow_client_socket import SlowClientSocket

listeners.STOP_SECONDS = 30.0  # type: ignore[misc]  # for a thread that a busy machine keeps waiting
Listeners.ping_seconds = 0.2
SlowClientSocket.send_silence_seconds = 2.0
