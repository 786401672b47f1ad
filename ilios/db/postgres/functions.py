"""Triggers on PostgreSQL: functions in PL/pgSQL, made anew with each migration."""

from __future__ import annotations

from typing import Any, NamedTuple


class Trigger(NamedTuple):
    """What fires, and what it does."""

    name: str
    when: str  #: such as `AFTER INSERT ON documents`
    body: str  #: statements of PL/pgSQL
    condition: str = ""  #: in terms of NEW and OLD
    declared: str = ""  #: variables
    gives: str = "NULL"  #: what the function returns: OLD or NEW where it fires before
    rows: str = ""  #: what it calls all rows of the statement that fires it, once for all of them


def install(driver: Any, triggers: list[Trigger]) -> None:
    """Make the triggers as they should be; takes a connection of the driver, in a transaction."""
    for one in triggers:
        declared = f"DECLARE {one.declared} " if one.declared else ""
        driver.execute(
            f"CREATE OR REPLACE FUNCTION {one.name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$function$ {declared}BEGIN {one.body} RETURN {one.gives}; END $function$",
            prepare=False,
        )
        condition = f"WHEN ({one.condition}) " if one.condition else ""
        each = (
            f"REFERENCING NEW TABLE AS {one.rows} FOR EACH STATEMENT"
            if one.rows
            else "FOR EACH ROW"
        )
        driver.execute(
            f"CREATE OR REPLACE TRIGGER {one.name} {one.when} {each} {condition}"
            f"EXECUTE FUNCTION {one.name}()",
            prepare=False,
        )
