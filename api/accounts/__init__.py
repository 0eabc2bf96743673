"""Who people and programs are: names, passwords, keys, sessions and identity tokens."""
