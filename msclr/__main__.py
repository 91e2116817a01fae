"""`python -m msclr` is the command `msclr`."""

import sys

from msclr.cli import main

if __name__ == "__main__":
    sys.exit(main())
