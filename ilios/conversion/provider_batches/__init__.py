"""The provider's slow lane at half the price: batches that it works on for hours.

A job of the queue takes a batch forward step by step (`runner`): its input is built and uploaded
(`input`), the provider works on it, what it brought is kept (`results`), the round ends (`rounds`),
its files are deleted; what failed in a way that may pass goes into another round. `records` writes
it all down. Imported by workers that have the provider's engine only: its SDK is large.
"""
