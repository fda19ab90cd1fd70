"""What stands before the apps that are served: how long a connection may take."""
