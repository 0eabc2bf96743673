"""The fleet as a queue of servers: how busy each is, and which answers a call."""
