"""`python -m securechat` does what `securechat` does."""

from securechat.cli.main import main

if __name__ == "__main__":
    main()
