"""Procore for people without credentials, and for the tests: a server of its own, deterministic from a seed.

cast, ids, chance     who and what exists: company, people, vendors, projects, and the ids of their records
fields, stories       records: any declared field believably, and by hand where people will look
world                 the data by stream and scope, as it stands and as it changes
tokens, allowance, permissions, faults     what Procore puts between a caller and a list
routes, lists         paths to streams; paging, filters, envelopes
server, control       real sockets; the strings that tests and demos pull
"""
