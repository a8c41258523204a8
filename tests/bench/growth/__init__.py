"""What each part costs at once, ten times and a hundred times its work."""
