"""What an agent is told besides its task: where each part comes from, and how large it may get."""
