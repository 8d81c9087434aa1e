"""People who cross: rendered videos with known identities, and how well people are followed in them."""
