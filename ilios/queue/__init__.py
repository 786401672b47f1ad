"""The table of jobs: enqueue, claim, lease, release, cancel, priority, back-off, notify."""
