"""The module `random` in a component, whose state was made when the component was built.

componentize-py seeds it at the first call of every instance, which is most of what a call costs that does nothing.
Where nobody has imported it by then, it is seeded when it is first used.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def defer() -> None:
    """Let `random` wait for its first use, unless somebody has imported it, and so may hold its functions."""
    if "random" in sys.modules:
        return
    import random

    sys.modules["random"] = Late(random)


class Late(ModuleType):
    """Stands in the place of `random` until that is used."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(__spec__=real.__spec__, __loader__=real.__loader__, __file__=real.__file__)
        self.__dict__.update(_real=real, _is_used=False, _is_asked=False)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if name == "seed" and not own["_is_asked"]:
            # componentize-py asks for it right after the file was imported, and calls it at the first call of an
            # instance. This does nothing, and does not even run Python.
            own["_is_asked"] = True
            return bool
        # Python's own questions, such as for `__path__` at an import, are no use of it.
        return getattr(own["_real"] if name.startswith("__") else self._use(), name)

    def _use(self) -> Any:
        own = self.__dict__
        real = own["_real"]
        if not own["_is_used"]:
            own["_is_used"] = True
            sys.modules["random"] = real
            real.seed()
            # It may have been bound to a name already.
            own.update({name: value for name, value in vars(real).items() if not name.startswith("__")})
        return real
