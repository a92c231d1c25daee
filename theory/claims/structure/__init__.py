"""What networks keep: mass, energy, norm, volume, symplecticity."""

__all__: list[str] = []
