"""How people and programs use the product: command line, maps, service."""
