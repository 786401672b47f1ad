"""Settings of the log."""

from __future__ import annotations

from typing import Literal

from ilios.core.settings.fields import SubjectSettings, setting


class LogSettings(SubjectSettings):
    """Form of the log, and what is logged."""

    log_format: Literal["json", "console"] = setting("json", "Shape of the log", "json")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "Least severe event logged", "INFO"
    )
