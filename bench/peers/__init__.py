"""Job queues and converters of others, each run in `.venv-bench`: `python -m bench.peers NAME`."""
