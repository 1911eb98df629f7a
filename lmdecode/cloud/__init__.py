"""The maker's cloud: credentials out of HTTP messages, and the login."""
