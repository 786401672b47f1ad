"""What the application does in place of Flask: checks, completions, and answers as they are."""

from __future__ import annotations

import flask
import pytest
from flask.testing import FlaskClient

from ilios.api.application import Application, Request, Response

LINK = "http://ilios.example/a%20b?c=d"


@pytest.fixture
def app() -> Application:
    app = Application(__name__)
    for path, answer in {
        "/here": lambda: flask.Response("here", headers={"Location": LINK}),
        "/pieces": lambda: flask.Response(iter(["he", "re"])),
        "/nothing": lambda: flask.Response(status=204),
    }.items():
        app.add_url_rule(path, path, answer)
    return app


@pytest.fixture
def client(app: Application) -> FlaskClient:
    return app.test_client()


def test_an_answer_goes_out_as_the_view_made_it(client: FlaskClient) -> None:
    answer = client.get("/here")

    assert (answer.data, answer.headers["Location"]) == (b"here", LINK)
    assert answer.headers["Content-Length"] == "4"


def test_the_answer_to_head_has_a_length_and_no_content(client: FlaskClient) -> None:
    answer = client.head("/here")

    assert (answer.data, answer.headers["Content-Length"]) == (b"", "4")


def test_answers_that_are_not_whole_are_sent_as_werkzeug_does(client: FlaskClient) -> None:
    assert client.get("/pieces").data == b"here"
    assert "Content-Length" not in client.get("/nothing").headers


def test_what_is_to_be_done_at_the_end_of_an_answer_is_done(app: Application) -> None:
    ended: list[str] = []

    @app.get("/ending")
    def ending() -> Response:
        response = Response("here")
        response.call_on_close(lambda: ended.append("ended"))
        return response

    app.test_client().get("/ending").close()

    assert ended == ["ended"]


def test_the_first_check_that_answers_is_the_last_that_runs(
    app: Application, client: FlaskClient
) -> None:
    seen: list[str] = []
    app.checks += [
        lambda asked: seen.append(asked.path),
        lambda _asked: Response("refused", 403),
        lambda _asked: seen.append("never"),
    ]

    assert (client.get("/here").status_code, seen) == (403, ["/here"])


def test_answers_are_completed_in_reverse_also_those_to_unknown_paths(
    app: Application, client: FlaskClient
) -> None:
    def mark(letter: str, response: flask.Response) -> None:
        response.headers["Mark"] = response.headers.get("Mark", "") + letter

    def first(_asked: Request, response: flask.Response) -> None:
        mark("a", response)

    def second(_asked: Request, response: flask.Response) -> None:
        mark("b", response)

    app.completions += [first, second]

    answers = [client.get("/here"), client.get("/there")]
    assert [(one.status_code, one.headers["Mark"]) for one in answers] == [(200, "ba"), (404, "ba")]
