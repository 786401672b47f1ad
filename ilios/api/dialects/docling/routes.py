"""The routes of docling-serve: convert at once or as a task, and cut into chunks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies, conversion
from ilios.api.dialects.blueprint import DialectBlueprint
from ilios.api.dialects.docling import documented, outcomes, results, sources, tasks
from ilios.api.dialects.docling.sources import ConversionRequest
from ilios.api.dialects.docling.tasks import Task
from ilios.api.dialects.docling.wanted import seconds
from ilios.api.middleware.auth import needs
from ilios.api.requests.idempotency import creates
from ilios.api.responses.error_shapes import Problem
from ilios.api.schemas.query_params import MAX_WAIT_SECONDS
from ilios.api.schemas.responses import BINARY
from ilios.core.request_errors import DocumentNotFound, DocumentNotReady, Gone

_UNKNOWN: Final = (DocumentNotFound.code, Gone.code)
_OF_TASKS: Final = ("/v1/status/", "/v1/result/")
_SPENT_PERCENT: Final = 100
REFUSALS: Final = (400, 401, 402, 403, 413, 415, 422, 429, 503, 504, 507)
REFUSALS_OF_TASKS: Final = (400, 401, 402, 403, 413, 415, 422, 429, 503, 507)


def _error(problem: Problem) -> Response:
    """Answer with an object, whose sentences about tasks are those that clients compare."""
    status, detail = problem.status, problem.detail
    if problem.code in _UNKNOWN and problem.path.startswith(_OF_TASKS):
        status, detail = HTTPStatus.NOT_FOUND, "Task not found."
    elif problem.code == DocumentNotReady.code:
        status, detail = HTTPStatus.NOT_FOUND, f"Task result not found. {detail}"
    fields: dict[str, Any] = {"detail": detail, "code": problem.code}
    if status == HTTPStatus.PAYMENT_REQUIRED:
        # Its client shows no sentence without numbers: they are percent of what may be spent.
        spent = {"currentUsage": _SPENT_PERCENT, "limit": _SPENT_PERCENT}
        fields |= {"error": "usage_limit_exceeded", "message": detail, "details": spent}
    return answers.small(fields, status)


blueprint = DialectBlueprint(
    "Docling",
    __name__,
    paths=("/v1/convert/file", "/v1/convert/source", "/v1/status", "/v1/result", "/v1/chunk"),
    shape=_error,
    error_schema=answers.DETAIL,
    description="The calls of docling-serve: conversion at once or as a task, and chunks.",
)
BLUEPRINTS: Final = (blueprint,)


@blueprint.post("/v1/convert/file")
@needs(Scope.CONVERT)
@conversion.waits
@creates
@blueprint.doc(requestBody=documented.FILES)
@blueprint.response(200, documented.CONVERTED, headers=answers.HEADERS)
@blueprint.alt_response(200, schema=BINARY, content_type=results.ZIP_TYPE, success=True)
@blueprint.refuses(*REFUSALS)
def convert_file() -> Response:
    """Convert files and wait for the result; of several files, a ZIP."""
    return _converted(sources.by_form())


@blueprint.post("/v1/convert/source")
@needs(Scope.CONVERT)
@conversion.waits
@creates
@blueprint.doc(requestBody=documented.SOURCES)
@blueprint.response(200, documented.CONVERTED, headers=answers.HEADERS)
@blueprint.alt_response(200, schema=BINARY, content_type=results.ZIP_TYPE, success=True)
@blueprint.refuses(*REFUSALS)
def convert_source() -> Response:
    """Convert files that stand in the body as base64, and wait for the result."""
    return _converted(sources.by_json())


@blueprint.post("/v1/convert/file/async")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(requestBody=documented.FILES)
@blueprint.response(200, documented.TASK)
@blueprint.refuses(*REFUSALS_OF_TASKS)
def convert_file_async() -> Response:
    """Queue files, and give the id under which their result can be asked for."""
    return _accepted(sources.by_form())


@blueprint.post("/v1/convert/source/async")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(requestBody=documented.SOURCES)
@blueprint.response(200, documented.TASK)
@blueprint.refuses(*REFUSALS_OF_TASKS)
def convert_source_async() -> Response:
    """Queue files that stand in the body as base64."""
    return _accepted(sources.by_json())


@blueprint.post("/v1/chunk/hybrid/file")
@needs(Scope.CONVERT)
@conversion.waits
@creates
@blueprint.doc(requestBody=documented.FILES_TO_CUT)
@blueprint.response(200, documented.CHUNKS, headers=answers.HEADERS)
@blueprint.refuses(*REFUSALS)
def chunk_file() -> Response:
    """Convert files, and cut their results into chunks."""
    return _converted(sources.by_form(is_chunked=True))


@blueprint.post("/v1/chunk/hybrid/source")
@needs(Scope.CONVERT)
@conversion.waits
@creates
@blueprint.doc(requestBody=documented.SOURCES_TO_CUT)
@blueprint.response(200, documented.CHUNKS, headers=answers.HEADERS)
@blueprint.refuses(*REFUSALS)
def chunk_source() -> Response:
    """Convert files that stand in the body as base64, and cut their results into chunks."""
    return _converted(sources.by_json(is_chunked=True))


@blueprint.post("/v1/chunk/hybrid/file/async")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(requestBody=documented.FILES_TO_CUT)
@blueprint.response(200, documented.TASK)
@blueprint.refuses(*REFUSALS_OF_TASKS)
def chunk_file_async() -> Response:
    """Queue files, whose result will be chunks."""
    return _accepted(sources.by_form(is_chunked=True))


@blueprint.post("/v1/chunk/hybrid/source/async")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(requestBody=documented.SOURCES_TO_CUT)
@blueprint.response(200, documented.TASK)
@blueprint.refuses(*REFUSALS_OF_TASKS)
def chunk_source_async() -> Response:
    """Queue files that stand in the body as base64, whose result will be chunks."""
    return _accepted(sources.by_json(is_chunked=True))


@blueprint.get("/v1/status/poll/<task_id>")
@needs(Scope.READ)
@blueprint.doc(parameters=[documented.WAIT])
@blueprint.response(200, documented.TASK)
@blueprint.refuses(400, 401, 403, 404, 429, 503)
def task_status(task_id: str) -> Response:
    """Report how far a task has come, after its end if that comes within `wait` seconds."""
    wait = seconds(bodies.query_options(), "wait", MAX_WAIT_SECONDS)
    return answers.small(tasks.status(Task.of(task_id), wait))


@blueprint.get("/v1/result/<task_id>")
@needs(Scope.READ)
@blueprint.response(200, documented.CONVERTED, headers=answers.HEADERS)
@blueprint.alt_response(200, schema=BINARY, content_type=results.ZIP_TYPE, success=True)
@blueprint.refuses(401, 403, 404, 429, 503)
def task_result(task_id: str) -> Response:
    """Give the result of a task, in the forms that were asked for with it."""
    task = Task.of(task_id)
    return _shown(outcomes.present(task.documents), task, [])


def _converted(asked: ConversionRequest) -> Response:
    documents = sources.submit(asked, is_awaited=True)
    found = outcomes.awaited(documents)
    return _shown(found, asked.task(documents), asked.options.notes())


def _accepted(asked: ConversionRequest) -> Response:
    documents = sources.submit(asked, is_awaited=False)
    accepted = tasks.status(asked.task(documents))
    return answers.small({**accepted, "warnings": asked.options.notes()})


def _shown(found: list[outcomes.Outcome], task: Task, notes: list[dict[str, Any]]) -> Response:
    if task.chunking:
        return results.chunked(found, task.wanted, task.chunking, notes)
    return results.answer(found, task.wanted, notes)
