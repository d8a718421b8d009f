"""The state of the data and its problems, as values for the command line, the server and notifications."""
