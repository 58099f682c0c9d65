"""How many gateways, encoders and engines a load needs, reckoned from measured figures."""
