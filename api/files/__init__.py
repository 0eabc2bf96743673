"""The files people bring and take away: fleets, policies, events, folders of results."""
