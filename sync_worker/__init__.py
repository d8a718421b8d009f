"""A worker that keeps a company's Procore data in its own database: current, complete, and proven to be complete.

Data flows one way; each folder is a stage (docs/architecture.md):
settings → planning → client → load → destination and state, run by runner, built by app.
"""

__version__ = "0.2.0"
