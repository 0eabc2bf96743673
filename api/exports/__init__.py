"""The patrol areas of a plan in the forms other programs open."""
