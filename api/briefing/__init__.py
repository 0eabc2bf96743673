"""The weekly briefing on paper. Import the module you need."""
