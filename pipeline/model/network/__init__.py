"""Of the network: header fields, and addresses with the way to them."""
