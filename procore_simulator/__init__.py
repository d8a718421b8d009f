"""A simulator of Procore's REST API, for the demo, for tests and for anyone without credentials.

It serves believable records of every stream in the catalog over HTTP, with tokens, permissions, rate limits, paging and
recycle bins as Procore has them. One seed gives the same data every time. docs/simulator.md says how to start it.

data      world (edits), store (lists), entry (a record), bulk (millions of records), changes (a day's work)
records   cast, ids (companies, people, projects), stories, fields, stream_fields, draw, chance (random), words
API       api (one call), routes, lists (select and page), quirks, permissions, allowance (rate limit), tokens
server    server (socket and thread), wire (HTTP), faults, lies (broken answers), control (for other processes)
demo      demo (a simulator with a story, for `sync-worker demo`)
"""
