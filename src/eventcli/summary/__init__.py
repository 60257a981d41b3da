"""The state: a commutative monoid of statistics, account and sources."""
