"""The maker's cloud: credentials found in HTTP messages, and the login."""
