"""Pages come compressed, with a length that tells nothing about what is in them; what is sent bit by bit does not."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from dlstackweb.compression import Compression

FNAME = 0x08  # the flag of a gzip header that has a file's name, where the random bytes are
ASKED = {"accept-encoding": "gzip, deflate, br"}


def test_a_page_is_compressed_for_who_asks(as_viewer: Client) -> None:
    plain, packed = as_viewer.get("/glossary/"), as_viewer.get("/glossary/", headers=ASKED)
    assert "Content-Encoding" not in plain.headers
    assert (packed.headers["Content-Encoding"], packed.headers["Content-Length"]) == ("gzip", str(len(packed.content)))
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert b"backing link" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 2


def test_the_length_of_a_page_gives_no_secret_away(as_viewer: Client) -> None:
    answers = [as_viewer.get("/glossary/", headers=ASKED).content for _ in range(9)]
    assert all(answer[3] & FNAME for answer in answers)
    assert len({len(answer) for answer in answers}) > 1
    # The one secret in a page, the token of its forms, is another text each time.
    assert len({gzip.decompress(answer).split(b'csrfmiddlewaretoken" value="')[1][:64] for answer in answers}) == 9


def test_static_files_are_compressed_and_parts_of_them_are_not(client: Client) -> None:
    whole = client.get("/static/app.css", headers=ASKED)
    assert whole.headers["Content-Encoding"] == "gzip"
    assert b":root" in gzip.decompress(b"".join(whole))
    part = client.get("/static/app.css", headers={**ASKED, "range": "bytes=0-9"})
    same = client.get("/static/app.css", headers={**ASKED, "if-modified-since": whole.headers["Last-Modified"]})
    for answer, status in ((part, 206), (same, 304)):
        assert answer.status_code == status
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain"])
def test_what_comes_bit_by_bit_is_left_as_it_is(kind: str) -> None:
    async def lines() -> Iterator[bytes]:  # type: ignore[misc]
        yield b"data: 1\n\n" * 99

    stream = StreamingHttpResponse(lines(), content_type=kind)
    middleware = Compression(lambda request: HttpResponse())
    answer = middleware.process_response(RequestFactory().get("/", headers=ASKED), stream)
    assert answer is stream
    assert "Content-Encoding" not in answer.headers
