"""What a client chooses of Unstructured's options; those that are not read here have no effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ilios.api.dialects.options import Options
from ilios.api.dialects.unstructured.composites import SIZE, Cutting
from ilios.api.dialects.unstructured.elements import ElementFields
from ilios.core.request_errors import InvalidField, OptionUnavailable
from ilios.documents.chunks import SIZE_MAX, SIZE_MIN
from ilios.engines.page_selection import MAX_PAGE_NUMBER

JSON: Final = "application/json"
CSV: Final = "text/csv"
BASIC, BY_TITLE, BY_PAGE = "basic", "by_title", "by_page"
_OF_CHUNKS: Final = (
    "combine_under_n_chars",
    "include_orig_elements",
    "max_characters",
    "multipage_sections",
    "new_after_n_chars",
    "overlap",
    "overlap_all",
    "similarity_threshold",
)
"""Options that have no meaning without a strategy, also in Unstructured."""
_OF_CLIENT: Final = (
    "split_pdf_allow_failed",
    "split_pdf_cache_tmp_data",
    "split_pdf_cache_tmp_data_dir",
    "split_pdf_concurrency_level",
    "split_pdf_page",
    "split_pdf_page_range",
)
"""What clients do by themselves, and send all the same."""


@dataclass(frozen=True, slots=True)
class PartitionRequest:
    """What a request asks for; `cutting` is None for elements that are not chunks."""

    shape: ElementFields
    cutting: Cutting | None


def wanted_of(options: Options) -> PartitionRequest:
    """Read the options of a request. Raise InvalidField, OptionUnavailable."""
    options.ignore(*_OF_CLIENT)
    options.agree(
        do_not_break_similarity_on_footer_header=False,
        include_slide_notes=True,
        overlap_all=False,
        pdf_infer_table_structure=True,
        xml_keep_tags=False,
    )
    if options.choice("output_format", (JSON, CSV), JSON) == CSV:
        raise OptionUnavailable(f"output_format={CSV} is not made here. Send {JSON}.")
    first = options.whole("starting_page_number", 1, MAX_PAGE_NUMBER, 1) or 1
    asked = [str(kind).lower() for kind in options.values("extract_image_block_types")]
    shape = ElementFields(
        starting_page_number=first,
        coordinates=options.flag("coordinates", False),
        page_breaks=options.flag("include_page_breaks", False),
        unique_ids=options.flag("unique_element_ids", False),
        images="image" in asked,
    )
    return PartitionRequest(shape, _cutting_of(options))


def _cutting_of(options: Options) -> Cutting | None:
    strategy = options.choice("chunking_strategy", (BASIC, BY_TITLE, BY_PAGE))
    if strategy is None:
        options.ignore(*_OF_CHUNKS)
        return None
    most = options.whole("max_characters", SIZE_MIN, SIZE_MAX, SIZE) or SIZE
    soft = options.whole("new_after_n_chars", 0, SIZE_MAX, most) or 0
    size = soft if SIZE_MIN <= soft < most else most
    overlap = options.whole("overlap", 0, SIZE_MAX, 0) or 0
    if overlap * 2 >= size:
        raise InvalidField("overlap", overlap, f"below half of a chunk ({size} characters)")
    spans_pages = options.flag("multipage_sections", True)
    return Cutting(
        size,
        overlap,
        at_titles=strategy == BY_TITLE,
        at_pages=strategy == BY_PAGE or (strategy == BY_TITLE and not spans_pages),
    )
