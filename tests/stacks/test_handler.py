"""The web server's handler: what is asked on one thread, and what is streamed from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from dlstackweb.handler import OneThread
from dlstackweb.health import alive
from stacks.models import Machine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.anyio]
ended: list[str] = []  # the addresses whose readers went away


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@login_not_required
async def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Tell how many machines there are, then wait for ever."""
    machines = await Machine.objects.acount()

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield f"{machines} machines".encode()
            await asyncio.Event().wait()
        finally:
            ended.append(request.path)

    return StreamingHttpResponse(parts())


urlpatterns = [path("livez", alive), path("stream", stream)]


def asked(address: str) -> ApplicationCommunicator:
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": address, "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }  # fmt: skip
    return ApplicationCommunicator(OneThread(), scope)


@override_settings(ROOT_URLCONF=__name__)
async def test_a_page_comes_with_what_every_middleware_adds() -> None:
    page = asked("/livez")
    await page.send_input({"type": "http.request", "body": b"", "more_body": False})
    began, body = await page.receive_output(10), await page.receive_output(10)
    headers = dict(began["headers"])
    assert (began["status"], body["body"]) == (200, b"ok\n")
    assert b"default-src 'none'" in headers[b"Content-Security-Policy"]
    assert headers[b"X-Frame-Options"] == b"DENY"


@override_settings(ROOT_URLCONF=__name__)
async def test_what_is_streamed_comes_bit_by_bit_and_ends_with_its_reader() -> None:
    await Machine.objects.acreate(name="gp12", root="/data0")
    page = asked("/stream")
    await page.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert (await page.receive_output(10))["status"] == 200
    part = await page.receive_output(10)
    assert (part["body"], part["more_body"]) == (b"1 machines", True)
    assert not ended
    await page.send_input({"type": "http.disconnect"})
    await page.wait(10)
    assert ended == ["/stream"]
