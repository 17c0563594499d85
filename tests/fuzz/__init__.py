"""Inputs that nobody wrote: whatever the bytes, a reader answers or raises a VibforgeError."""
