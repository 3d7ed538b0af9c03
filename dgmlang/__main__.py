"""`python -m dgmlang` is `dgm`."""

from dgmlang.cli.main import main

main()
