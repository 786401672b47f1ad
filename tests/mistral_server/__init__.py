"""A stand-in for the Mistral API: a real HTTP server that the real SDK talks to.

    with MistralServer(latency_ms=200) as server:
        client = Mistral(api_key=API_KEY, server_url=server.url)

It answers from what it is sent: true page counts, the text layer of each page. What it refuses, the
provider refuses. Faults come on demand (`behaviour.py`), every call stands in a journal
(`journal.py`). Where the provider's ways are not known, a docstring says "Guess"; "seen" marks what
other users of the provider have reported.
"""
