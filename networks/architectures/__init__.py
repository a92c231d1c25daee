"""Networks of the paper: the five regimes, as published and certified."""

__all__: list[str] = []
