"""The screen: PySide6 only here. It asks the station for plain data and hands it intents."""
