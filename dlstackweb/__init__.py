"""The Django project: settings, addresses, web server and worker entry points."""
