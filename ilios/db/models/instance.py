"""The database itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from ilios.db.models.base import ID, Base

REVISION = "0018"  #: the newest one in alembic/versions, which these models describe


class Instance(Base):
    """One row: which database this is. Object keys carry the id, so that sweeps touch only ours."""

    __tablename__ = "instance"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    created_at: Mapped[datetime]
    adopted_at: Mapped[datetime | None]  #: of the predecessor's content; retention rests a day
    queue_paused_at: Mapped[datetime | None]  #: since when no job is claimed; None while they are
    swept_at: Mapped[datetime | None]  #: when orphaned objects were last looked for
