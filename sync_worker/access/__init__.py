"""Access of the service account: readable lists, remembered refusals, and when they are tried again."""
