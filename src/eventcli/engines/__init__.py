"""On a cluster: the fold of a run on an engine that is there already, with the answer of one machine."""
