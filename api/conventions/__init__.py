"""What every request obeys, whatever it asks: done once, within its rate, counted, written down."""
