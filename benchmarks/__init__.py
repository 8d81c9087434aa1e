"""Measurements that people run by hand; nothing in src/ or stages/ imports them."""
