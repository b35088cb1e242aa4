"""The full-screen face: a model of what is shown without Textual in it, and widgets that draw it."""

import os

os.environ.setdefault("TEXTUAL_FPS", "240")  # a letter may wait for two frames; at Textual's 60 that is 33 ms
