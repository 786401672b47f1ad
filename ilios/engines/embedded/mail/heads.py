"""The head of a mail as Markdown: its subject, who wrote it to whom and when, what is attached."""

from __future__ import annotations

from collections.abc import Sequence

from ilios.engines.embedded import markdown
from ilios.engines.embedded.limits import NAME_MAX_CHARACTERS
from ilios.engines.embedded.mail.letters import Attachment, Letter


def title(letter: Letter) -> str:
    return markdown.heading(1, markdown.escaped(letter.subject))


def fields(letter: Letter, attachments: Sequence[Attachment], *, with_subject: bool) -> str:
    """Write the fields of a head, one a line; `attachments` are those that follow."""
    said = [("Subject", letter.subject)] if with_subject and letter.subject else []
    said += letter.fields
    names = ", ".join(shown_name(each) for each in attachments)
    said += [("Attachments", names)] if names else []
    return markdown.HARD_BREAK.join(
        f"**{label}:** {markdown.escaped(text)}" for label, text in said
    )


def shown_name(attachment: Attachment) -> str:
    return " ".join(attachment.name.split())[:NAME_MAX_CHARACTERS]
