"""Sans-IO IRCv3 and SASL: bytes and values in, values out."""
