"""From names to blocks of whole lines: discovery, sources, compression, remote objects."""
