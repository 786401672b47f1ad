"""PowerPoint presentations to convert, part by part."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image

from tests.support.sample_files import archive

TRANSITIONAL = "http://schemas.openxmlformats.org/"
STRICT = "http://purl.oclc.org/ooxml/"
TYPES = f"{TRANSITIONAL}officeDocument/2006/relationships/"
NAMES = (
    f'xmlns:a="{TRANSITIONAL}drawingml/2006/main" '
    f'xmlns:p="{TRANSITIONAL}presentationml/2006/main" '
    f'xmlns:r="{TRANSITIONAL}officeDocument/2006/relationships" '
    f'xmlns:mc="{TRANSITIONAL}markup-compatibility/2006"'
)

Relation = tuple[str, str]
"""The kind of a relationship, and its target."""


def rels(**related: Relation) -> str:
    listed = "".join(
        f'<Relationship Id="{name}" Type="{kind if "://" in kind else TYPES + kind}" '
        f'Target="{target}"/>'
        for name, (kind, target) in related.items()
    )
    return f'<Relationships xmlns="urn:relationships">{listed}</Relationships>'


def sheet(kind: str, content: str) -> str:
    """Return a slide, a layout, a master or notes."""
    return f"<p:{kind} {NAMES}><p:cSld><p:spTree>{content}</p:spTree></p:cSld></p:{kind}>"


def deck(
    *slides: str,
    related: Mapping[str, Relation] | None = None,
    parts: Mapping[str, str | bytes] | None = None,
    presentation: Mapping[str, Relation] | None = None,
) -> bytes:
    """Return a presentation; `related` is what its first slide leads to."""
    ids = [f"slide{number}" for number in range(1, len(slides) + 1)]
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="{name}"/>' for n, name in enumerate(ids))
    own = {name: ("slide", f"slides/{name}.xml") for name in ids}
    return archive(
        {
            "_rels/.rels": rels(main=("officeDocument", "ppt/show.xml")),
            "ppt/show.xml": f"<p:presentation {NAMES}><p:sldIdLst>{listed}</p:sldIdLst>"
            "</p:presentation>",
            "ppt/_rels/show.xml.rels": rels(**own, **(presentation or {})),
            **{
                f"ppt/slides/{name}.xml": sheet("sld", s)
                for name, s in zip(ids, slides, strict=True)
            },
            "ppt/slides/_rels/slide1.xml.rels": rels(**(related or {})),
            **(parts or {}),
        }
    )


def shape(
    text: str = "", *, kind: str = "", at: tuple[int, int] | None = None, body: str = ""
) -> str:
    """Return a shape; `at` is left and top, `body` its paragraphs instead of a text."""
    mark = f'<p:ph type="{kind}"/>' if kind else ""
    place = f'<a:xfrm><a:off x="{at[0]}" y="{at[1]}"/></a:xfrm>' if at else ""
    content = body or f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
    return (
        f"<p:sp><p:nvSpPr><p:cNvPr/><p:nvPr>{mark}</p:nvPr></p:nvSpPr><p:spPr>{place}</p:spPr>"
        f"<p:txBody>{content}</p:txBody></p:sp>"
    )


def paragraph(text: str, properties: str = "", level: int = 0) -> str:
    return f'<a:p><a:pPr lvl="{level}">{properties}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>'


def numbered(text: str, kind: str = "arabicPeriod", start: int | str = 0, level: int = 0) -> str:
    begins = f' startAt="{start}"' if start else ""
    return paragraph(text, f'<a:buAutoNum type="{kind}"{begins}/>', level)


def group(content: str, *, at: tuple[int, int], size: tuple[int, int], inner: str = "") -> str:
    place = (
        f'<a:xfrm><a:off x="{at[0]}" y="{at[1]}"/><a:ext cx="{size[0]}" cy="{size[1]}"/>'
        f"{inner}</a:xfrm>"
    )
    return f"<p:grpSp><p:grpSpPr>{place}</p:grpSpPr>{content}</p:grpSp>"


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "olive").save(buffer, "PNG")
    return buffer.getvalue()
