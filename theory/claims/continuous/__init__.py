"""Groups C: contractivity and expansivity of flows."""

__all__: list[str] = []
