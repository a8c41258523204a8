"""What makes the site of the documentation: its theme, and the pages that code writes."""
