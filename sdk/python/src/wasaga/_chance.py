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
        self.__dict__.update(seed=self._first, _real=real, _is_used=False)

    def __getattr__(self, name: str) -> Any:
        # Python's own questions, such as for `__path__` at an import, are no use of it.
        real = self.__dict__["_real"] if name.startswith("__") else self._use()
        return getattr(real, name)

    def _first(self, a: Any = None, *more: Any, **named: Any) -> None:
        """Do nothing for componentize-py, whose call is the first and without arguments."""
        if a is not None:
            self._use().seed(a, *more, **named)
            return
        self.__dict__["seed"] = self._again

    def _again(self, *seed: Any, **named: Any) -> None:
        self._use().seed(*seed, **named)

    def _use(self) -> Any:
        real = self.__dict__["_real"]
        if not self.__dict__["_is_used"]:
            self.__dict__["_is_used"] = True
            sys.modules["random"] = real
            real.seed()
            # It may have been bound to a name already.
            self.__dict__.update({name: value for name, value in vars(real).items() if not name.startswith("__")})
        return real
