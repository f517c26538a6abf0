"""What a portal tells about itself: people, directories, types, workflows, histories."""
