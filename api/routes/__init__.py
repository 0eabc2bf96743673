"""The endpoints, one module a subject; :mod:`api.routes.table` lists them all."""
