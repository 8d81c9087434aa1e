"""A person who stands in the world: how tall, which way is up, where the floor is and which feet are on it."""
