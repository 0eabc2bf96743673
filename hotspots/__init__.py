"""Evidence to scored places. Import the module you need; nothing is re-exported here."""
