"""From a map to a network: decompositions, what they cost, what is dense and what is not."""

__all__: list[str] = []
