"""Training that can be stopped at any moment: losses, loop, checkpoints, runs."""

__all__: list[str] = []
