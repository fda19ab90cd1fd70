"""base_url as people write it -> the address that is asked; and what they are told where nobody there speaks."""

import re
from urllib.parse import urljoin

import httpx

from pipeline.errors import SettingsError
from pipeline.model.network.web_addresses import bare_address
from pipeline.speech.services.service_profile import ENDPOINT, base_of

_VERSION = re.compile(r"/v\d+[a-z]*\d*(?=/|$)")


def endpoint_of(base_url: str) -> httpx.URL:
    """Where texts are sent. Raises: httpx.InvalidURL."""
    base = httpx.URL(base_url)
    return base.copy_with(path=base.path.rstrip("/") + ENDPOINT)


def wrong_address(name: str, asked: str, *, said: str, location: str = "", else_choose: str = "") -> SettingsError:
    """The error of a base_url that is almost right, with what to write instead.

    Args:
        name: of the backend.
        asked: the address that was asked, fit to be shown.
        said: how it answered, with the status.
        location: where it redirected, as it said; it is not followed, because the key would go along.
        else_choose: what may be wrong instead of the address.
    """
    target = bare_address(urljoin(asked, location)) if location else ""
    return SettingsError(
        f"{said}; asked was {asked}" + (f", which redirects to {target}" if target else ""),
        key=f"backends.{name}.base_url",
        remedy=_remedy(name, target or asked, is_guess=not target, else_choose=else_choose),
    )


def _remedy(name: str, address: str, *, is_guess: bool, else_choose: str) -> str:
    base = base_of(address)
    if address.endswith(ENDPOINT) and not is_guess:
        return f'write base_url = "{base}" for backend {name}'
    if address.endswith(ENDPOINT) and not _VERSION.search(base):
        return f'write base_url = "{base}/v1" for backend {name}'
    check = f"check base_url of backend {name}: it is what comes before {ENDPOINT} in the service's documents"
    return check + (f", or {else_choose}" if else_choose else "")
