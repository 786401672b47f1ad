"""The server of the Model Context Protocol: the tools, as the official SDK wants them."""

from __future__ import annotations

from typing import Any

from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from ilios.core.telemetry import logs
from ilios.local.mcp import tools
from ilios.local.mcp.documents import Documents
from ilios.local.mcp.messages import Result
from ilios.local.mcp.refusals import Refusal, refusal

log = logs.get(__name__)

ERROR_KEY = "ilios/error"
"""Of what programs read of an error; `structuredContent` has to fit the schema of a result."""


def build(documents: Documents, version: str, *, reads_files: bool) -> Server[Any]:
    """Return a server; without `reads_files` no tool of it opens a path."""
    known = {one.name: one for one in tools.tools(documents, reads_files=reads_files)}

    async def list_tools(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=[_shown(one) for one in known.values()])

    async def call_tool(
        context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        tool = known.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name!r:.80}.")

        async def report(done: int, total: int | None) -> None:
            of_all = "" if total is None else f" of {total}"
            await context.session.report_progress(done, total, f"{done}{of_all} pages done")

        try:
            return _answer(await tool.call(params.arguments or {}, report))
        except Exception as error:  # the model is told, and may do better
            told = refusal(error)
            if told.code == "internal_error":
                log.critical("tool.failed", tool=tool.name, exc_info=error)
            return _refused(told)

    return Server(
        "ilios",
        title="Ilios",
        version=version,
        instructions=tools.instructions(documents),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _shown(tool: tools.Tool) -> Tool:
    return Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=_schema(tool.takes.model_json_schema(by_alias=True)),
        output_schema=_schema(tool.gives.model_json_schema(by_alias=True, mode="serialization")),
        annotations=ToolAnnotations(
            read_only_hint=tool.is_read_only,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=tool.is_open_world,
        ),
    )


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a model's class says of itself: the tool has its own title and description."""
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def _answer(found: Result) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text) for text in found.texts()],
        structured_content=found.structured(),
    )


def _refused(told: Refusal) -> CallToolResult:
    about = {"code": told.code, "detail": told.detail, "remedy": told.remedy}
    return CallToolResult(
        content=[TextContent(type="text", text=str(told))],
        is_error=True,
        _meta={ERROR_KEY: about},
    )
