"""What people look at every week, made from what is stored: read, measured, told, rendered, kept."""
