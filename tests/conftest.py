"""Settings of all tests: a busy machine is no failure, so hypothesis has no deadlines."""

from hypothesis import settings

settings.register_profile("flowcert", deadline=None)
settings.load_profile("flowcert")
