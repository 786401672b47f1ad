"""The server's own configuration, with less patience for clients than they get in earnest."""

from ilios.api.gunicorn_conf import *  # noqa: F403  # gunicorn reads every name
from ilios.api.patient_socket import PatientSocket

PatientSocket.silence_seconds = 1.0
