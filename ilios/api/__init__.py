"""HTTP in, HTTP out: translate requests into calls of the services, and what they return into
answers. Nothing else knows Flask or gunicorn.
"""
