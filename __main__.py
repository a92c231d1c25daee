"""``python -m flowcert`` is the console script ``flowcert``."""

from .cli import main

if __name__ == "__main__":
    main()
