"""The state of the data and what is wrong with it, as values: for the command line, the server and notifications."""
