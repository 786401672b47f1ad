"""Settings: read once from the environment, frozen, and passed down.

A module per subject holds its fields; `model` puts them together and `environment` reads them.
"""

from ilios.core.settings.environment import (
    configured_log_format,
    fault_line,
    load,
    refused_variables,
)
from ilios.core.settings.fields import GIB, MIB
from ilios.core.settings.model import Settings
from ilios.core.settings.object_store import S3_TOGETHER
from ilios.core.settings.secret_files import secret_fields

__all__ = [
    "GIB",
    "MIB",
    "S3_TOGETHER",
    "Settings",
    "configured_log_format",
    "fault_line",
    "load",
    "refused_variables",
    "secret_fields",
]
