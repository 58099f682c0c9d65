"""guidellm against the gateway, compression off and on. guidellm itself is no dependency: it is run as a command."""
