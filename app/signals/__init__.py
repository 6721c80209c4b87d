"""Signals to and from the line: the handshake with a PLC, and the results that other programs get.

`handshake.py` is the state machine without any transport; `result.py` the JSON; `courier.py` sends what is on record,
each at least once; `modbus.py` and `mqtt.py` are ways out; a webhook's is that of the alarms' notices.
"""
