"""Events to wherever they are counted: to a queue, or to a server that takes them over HTTP."""
