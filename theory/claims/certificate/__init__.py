"""Group E: from layers to the certificate of a network."""

__all__: list[str] = []
