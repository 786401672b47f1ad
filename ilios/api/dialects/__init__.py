"""The interfaces of other services, spoken so that their clients need nothing but another URL.

A dialect translates requests and answers, and does nothing itself: keys, quotas, cache, queue,
ledger and warnings are those of the service. What two dialects need stands here; each has a module
or package of its own, and `registry` lists them. A dialect ignores options that it does not know,
with a note in its answer, and says its errors as its clients parse them.
"""
