"""The aggregates of the values of one type: one module an aggregate, and one registry."""
