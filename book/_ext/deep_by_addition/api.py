"""The page of the API: a section for each public module of the helpers, by sphinx.ext.autodoc."""

import pkgutil

import resnet_helpers

PAGE = "book/api"
ROOMS = ["data", "experiments", "classroom", "figures"]  # each uses those before it
SECTION = """
{mark} {title}

```{{eval-rst}}
.. automodule:: {name}
   :members:
   :member-order: bysource
   :ignore-module-all:
```
"""


def public_modules():
    """The full names of all public modules, the core's first, then room by room."""
    found = pkgutil.walk_packages(resnet_helpers.__path__, "resnet_helpers.")
    return sorted((module.name for module in found if "._" not in module.name), key=_room)


def _room(name):
    """The place of a module's room in ROOMS; -1 for the core."""
    room = name.split(".")[1]
    return ROOMS.index(room) if room in ROOMS else -1


def add_modules(app, docname, source):
    if docname == PAGE:
        for name in public_modules():
            _, first, *rest = name.split(".")
            mark, title = ("###", ".".join(rest)) if rest else ("##", first)
            source[0] += SECTION.format(mark=mark, title=title, name=name)
