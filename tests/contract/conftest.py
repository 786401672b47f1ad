"""The application, for every test of this folder."""

from tests.support.api_fixtures import (  # noqa: F401  # fixtures are found by name
    anna,
    api_settings,
    app,
    bert,
    make_app,
    nobody,
    nothing_is_kept,
    temporary_files,
    worker,
)
