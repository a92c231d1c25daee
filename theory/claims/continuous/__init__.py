"""Groups C: contractivity and expansivity of flows."""
