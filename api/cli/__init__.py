"""The command line. `api.cli.main` is what the `arv` script calls."""

from api.cli import boundaries, forecast, serve, week
from api.cli.app import main, run

__all__ = ["boundaries", "forecast", "main", "run", "serve", "week"]
