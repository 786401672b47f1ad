"""Why there is no backup, or nothing is restored from it."""

from __future__ import annotations

from ilios.core.errors import CommandFailed


class BackupRefused(CommandFailed):
    """No backup was made; one line with the cause and the remedy."""

    code = "backup_refused"


class RestoreRefused(CommandFailed):
    """Nothing was restored, or not all; one line with the cause and the remedy."""

    code = "restore_refused"
