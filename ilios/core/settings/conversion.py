"""Settings of the workers that convert documents."""

from __future__ import annotations

from typing import Literal

from ilios.core import conversion_limits
from ilios.core.settings.fields import MIB, SubjectSettings, setting


class ConversionSettings(SubjectSettings):
    """Engine, processes and deadlines of conversions."""

    ocr_engine: Literal["auto", "embedded", "mistral"] = setting(
        "auto", "Engine; auto takes Mistral when its key is set", "embedded"
    )
    worker_count: int = setting(2, "Worker processes", "2", ge=1, le=64)
    worker_concurrency: int = setting(
        16,
        "Provider calls in flight for each worker; the embedded engine runs one",
        "16",
        ge=1,
        le=256,
    )
    parser_memory_limit_bytes: int = setting(
        conversion_limits.PARSER_MEMORY_BYTES,
        "Memory that a parser process may take for documents without images to recognise",
        "218103808",
        ge=128 * MIB,
    )
    large_parser_memory_limit_bytes: int = setting(
        conversion_limits.LARGE_PARSER_MEMORY_BYTES,
        "The same for a document that needs more; one such document is read at a time",
        "553648128",
        ge=128 * MIB,
    )
    worker_memory_limit_bytes: int = setting(
        conversion_limits.WORKER_MEMORY_BYTES,
        "Memory that a worker's parser process may take once it draws or recognises pages",
        "1610612736",
        ge=256 * MIB,
    )
    job_deadline_seconds: int = setting(
        conversion_limits.JOB_SECONDS,
        "Total time for one attempt at a document",
        "3600",
        ge=1,
        le=86_400,
    )
    split_pages: int = setting(
        50, "Pages of one call to Mistral; longer PDFs are split", "50", ge=1, le=1000
    )
    shutdown_grace_seconds: int = setting(
        30, "How long running jobs may go on after SIGTERM", "30", ge=0, le=3600
    )
