"""What an owner knows of the cloud side: the configuration file with the machine's key."""
