"""Kinesis Video Streams, both ways: send a camera, watch a stream as a camera, clips around a moment."""
