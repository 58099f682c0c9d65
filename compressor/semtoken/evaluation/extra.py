"""What evaluations need besides the base install."""

from __future__ import annotations

from importlib.util import find_spec

from semtoken.errors import ModelNotFoundError

INSTALL_COMMAND = "pip install 'semtoken[eval]'"
_PACKAGES = ("matplotlib", "scipy")


def require_extra() -> None:
    """Raise ``ModelNotFoundError``, which says what to install, when a package is missing."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ModelNotFoundError(f"evaluations need {' and '.join(missing)}: {INSTALL_COMMAND}")
