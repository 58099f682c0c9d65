"""How a gateway's processes start, drain, reload and end."""
