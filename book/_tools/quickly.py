"""Imported before nbformat, saves each process that runs a chapter a second.

nbformat imports jsonschema, and that a parser of web addresses, which is made of its grammar every
time. Nothing here asks for it, and jsonschema does without it where it isn't installed.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)
