"""What the gateway itself costs: its pass-through beside other gateways, in front of an engine that does nothing."""
