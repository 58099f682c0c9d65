"""The same requests to vLLM directly and through the gateway."""
