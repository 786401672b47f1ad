"""The count of requests on PostgreSQL: one function, so that a request costs one round trip.

It does what ilios.accounts.rate_limits does with a file: the row of a key is its lock, and the
moments of its latest requests are a ring of rows; the first that counts is found by halves.
"""

from __future__ import annotations

from typing import Any, Final

FUNCTION: Final = "ilios_count_request"
_SIGNATURE: Final = (
    "(of_key text, of_quota integer, window_ns bigint, given_ns bigint, "
    "OUT remaining integer, OUT is_allowed boolean, OUT reset_ns bigint)"
)
_BODY: Final = """
DECLARE
  counted bigint; present bigint; latest bigint; seen bigint;
  low bigint; high bigint; middle bigint;
BEGIN
  SELECT total INTO counted FROM request_counts
    WHERE key_id = of_key AND quota = of_quota FOR UPDATE;
  IF NOT FOUND THEN
    DELETE FROM request_moments WHERE key_id = of_key AND quota <> of_quota;
    DELETE FROM request_counts WHERE key_id = of_key AND quota <> of_quota;
    INSERT INTO request_counts VALUES (of_key, of_quota, 0) ON CONFLICT DO NOTHING;
    SELECT total INTO counted FROM request_counts
      WHERE key_id = of_key AND quota = of_quota FOR UPDATE;
  END IF;
  -- Under the lock: moments in the ring never decrease.
  present := coalesce(given_ns, (1e9 * extract(epoch FROM clock_timestamp()))::bigint);
  SELECT moment_ns INTO latest FROM request_moments
    WHERE key_id = of_key AND quota = of_quota AND place = (counted - 1) % of_quota;
  IF latest IS NULL OR latest - present > window_ns THEN
    counted := 0;  -- the first request, or the clock was set back by more than what counts
  ELSE
    present := greatest(present, latest);  -- after a failover, the clock of another server
  END IF;
  low := greatest(0, counted - of_quota);
  high := counted;
  WHILE low < high LOOP
    middle := (low + high) / 2;
    SELECT moment_ns INTO seen FROM request_moments
      WHERE key_id = of_key AND quota = of_quota AND place = middle % of_quota;
    IF seen > present - window_ns THEN high := middle; ELSE low := middle + 1; END IF;
  END LOOP;
  is_allowed := counted - low < of_quota;
  IF is_allowed THEN
    INSERT INTO request_moments AS ring VALUES (of_key, of_quota, counted % of_quota, present)
      ON CONFLICT (key_id, quota, place) DO UPDATE SET moment_ns = excluded.moment_ns;
    counted := counted + 1;
    UPDATE request_counts SET total = counted WHERE key_id = of_key AND quota = of_quota;
  END IF;
  remaining := of_quota - (counted - low);
  SELECT moment_ns + window_ns - present INTO reset_ns FROM request_moments
    WHERE key_id = of_key AND quota = of_quota AND place = low % of_quota;
END
"""


def install(driver: Any) -> None:
    """Make the function as it should be; takes a connection of the driver, in a transaction."""
    driver.execute(
        f"CREATE OR REPLACE FUNCTION {FUNCTION}{_SIGNATURE} LANGUAGE plpgsql AS "
        f"$function${_BODY}$function$",
        prepare=False,
    )
