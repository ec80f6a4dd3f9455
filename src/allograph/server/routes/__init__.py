"""The service's routes, a file for each resource."""
