"""The rules by which a plan is made, each in a room of its own."""
