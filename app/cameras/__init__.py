"""Frame sources behind one small interface: `app.cameras.base`."""
