"""`python -m semtoken_server.cli`, where no script is on the path."""

from semtoken_server.cli.main import main

main()
