"""The provider's cheap and slow lane: batches that it works on for hours, at half the price.

A job of the queue takes a batch forward step by step (`steps.py`): its input is built and uploaded
(`preparing.py`), the provider works on it, what it brought is kept (`collecting.py`), the round
ends (`rounds.py`), its files are deleted; what failed in a way that may pass goes into another
round. `records.py` writes it all down. Imported by workers that have the provider's engine only:
its SDK is large.
"""
