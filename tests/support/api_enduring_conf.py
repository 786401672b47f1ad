"""The server's own configuration, with patience for as long as any test may take.

For tests of what a server does although others keep it waiting: what it has to do at once it is
seen to do, however slow the machine is, for nothing else happens meanwhile.
"""

from ilios.api.server import lingering, listeners
from ilios.api.server.gunicorn_conf import *  # noqa: F403  # gunicorn reads every name
from ilios.api.server.slow_client_socket import SlowClientSocket
from ilios.documents import estimates, page_images, parser_places

ENOUGH_SECONDS = 600

keepalive = ENOUGH_SECONDS
SlowClientSocket.silence_seconds = ENOUGH_SECONDS
SlowClientSocket.send_silence_seconds = ENOUGH_SECONDS
for module, name in (
    (lingering, "CLOSE_SILENCE_SECONDS"),
    (lingering, "CLOSE_LINGER_SECONDS"),
    (listeners, "STOP_SECONDS"),
    (estimates, "COUNT_SECONDS"),
    (page_images, "DRAW_SECONDS"),
    (parser_places, "WAIT_SECONDS"),
):
    setattr(module, name, ENOUGH_SECONDS)
