"""Groups D: contractivity and expansivity of Euler steps and of pairs of them."""

__all__: list[str] = []
