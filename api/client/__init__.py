"""A client of the service for notebooks and scripts; it imports nothing else of this package.

Start with :class:`api.client.service.ServiceClient`. It needs the standard library alone;
answers as tables and maps need pandas and geopandas, bars of progress need rich.
"""
