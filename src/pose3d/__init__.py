"""Images of a person to 3D joints with weak supervision."""
