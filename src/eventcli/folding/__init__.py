"""From blocks to state: two bodies with one interface, and the choice between them."""
