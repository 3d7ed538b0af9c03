"""`python -m dgmlang` is `dgm`."""

import sys

from dgmlang.cli.main import main

sys.exit(main())
