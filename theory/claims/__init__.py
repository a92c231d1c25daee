"""Every theorem of the paper's page, one a file; found by walking this package."""

__all__: list[str] = []
