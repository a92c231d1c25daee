"""Named test problems with their solutions, invariants and structure."""

__all__: list[str] = []
