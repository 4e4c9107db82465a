"""What protects the web application: authentication, login, rate limits, security headers and error responses."""
