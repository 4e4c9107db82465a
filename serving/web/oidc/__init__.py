"""Sign-in at a provider of OpenID Connect: there and back, what its tokens prove, and the role that groups give."""
