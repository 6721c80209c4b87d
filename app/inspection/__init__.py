"""The live way: from the frame slot through detector and decision to the committed record."""
