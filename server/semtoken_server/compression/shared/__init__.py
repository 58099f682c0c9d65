"""One compressor process for all workers of a gateway, over a Unix socket."""
