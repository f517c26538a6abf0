"""What the portal says about itself: entities, directories, smart processes, and the key."""
