"""What compression costs in quality, measured on a share of the live traffic, and the switch that follows.

``prompts`` (a request with its answer, to be scored) → ``replay`` (the engine scores it) → ``drift`` (the figure)
→ ``switch`` (whether the model's prompts may still be compressed). ``contract`` knows their order; the way of a
request touches it in three places: whether to compress, whether to sample, and the answer that was sent.
"""
