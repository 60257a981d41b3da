"""URLs become streams of bytes. Loaded only when a URL is given; the only user of fsspec."""
