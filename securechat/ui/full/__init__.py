"""The full-screen face: a model of what is shown without Textual in it, and widgets that draw it."""
