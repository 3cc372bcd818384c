"""Secrets in what programs print: known ones in every form and in pieces, and what merely looks like one."""

from __future__ import annotations

import base64
import json
import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.engine.events import Event
from stacks.engine.masks import Mask, Masking
from stacks.engine.process import Command, run
from stacks.engine.stop import Stop

SECRET = 'S3cr3t/Pa+wxrd"é-42'


def knowing(*secrets: str) -> Mask:
    mask = Mask()
    for secret in secrets:
        mask.learn(secret)
    return mask


def shown(mask: Mask, *pieces: bytes) -> bytes:
    given_out: list[bytes] = []
    masking = Masking(mask, given_out.append)
    for piece in pieces:
        masking.feed(piece)
    masking.close()
    return b"".join(given_out)


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_every_form_is_masked(form: str) -> None:
    assert knowing(SECRET).text(f"before {form} after") == "before *** after"


@pytest.mark.parametrize("user", ["", "a", "me", "you", "__token__"])
def test_a_login_in_base64_shows_nothing_of_the_password(user: str) -> None:
    text = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    shown_still = knowing(SECRET).text(text)
    assert "***" in shown_still
    rests = [b"A" * before + rest.encode() for rest in shown_still.split("***") for before in range(4)]
    decoded = b"\n".join(base64.b64decode(rest[: len(rest) // 4 * 4]) for rest in rests)
    pieces = {SECRET.encode()[at : at + 3] for at in range(len(SECRET) - 2)}
    assert not any(piece in decoded for piece in pieces)


@given(st.data())
def test_a_secret_in_pieces_is_masked_wherever_it_is_cut(data: st.DataObject) -> None:
    mask = knowing(SECRET)
    secret = SECRET.encode()
    before = data.draw(st.sampled_from([b"", b"a\n", b"token ", b"x" * 5000, b"y" * 20_000, b"\r10%\r"]))
    after = data.draw(st.sampled_from([b"", b"\n", b" and more\n", b"z" * 9000]))
    whole = before + secret + after
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert shown(mask, *pieces) == before + b"***" + after


def test_what_is_not_secret_passes_unchanged_in_any_pieces() -> None:
    random.seed(7)
    text = bytes(random.choices(b"abc \n\r\t\xff\x1b[31m:/=", k=60_000))
    assert shown(knowing(SECRET), *(text[at : at + 977] for at in range(0, len(text), 977))) == text


def test_a_long_line_is_passed_on_before_its_end() -> None:
    given_out: list[bytes] = []
    Masking(knowing(SECRET), given_out.append).feed(b"x" * 1_000_000)
    assert sum(map(len, given_out)) > 990_000


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://me:pw@host/simple", "https://***@host/simple"),
        ("git+https://abcdefghijklmnop1234@host/x", "git+https://***@host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("https://host/a:b@c", "https://host/a:b@c"),
        ("https://host/t/us-1234abcd-12ab/main", "https://host/t/***/main"),
        ("ghp_" + "a1B2" * 9, "***"),
        ("npm_" + "a1B2" * 9, "***"),
        ("pypi-AgEIcHlwaS5vcmc" + "x" * 40, "***"),
        ("pypi-attestations-and-more-words", "pypi-attestations-and-more-words"),
        ("key AKIAABCDEFGHIJKLMNOP.", "key ***."),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ('"authorization": "Bearer abcdef123"', '"authorization": "Bearer ***"'),
        ("--password=hunter22 x", "--password=*** x"),
        ("API_KEY=0123456789", "API_KEY=***"),
        ("the password is asked for", "the password is asked for"),
        ("token: tokenizer", "token: tokenizer"),
    ],
)
def test_what_looks_like_a_secret(text: str, masked: str) -> None:
    assert Mask().text(text) == masked
    assert shown(Mask(), *(bytes([byte]) for byte in text.encode()), b"\n").decode() == f"{masked}\n"


def test_lines_of_a_secret_with_several_are_masked_each() -> None:
    mask = knowing("first-line-of-it\nsecond-line-of-it")
    assert mask.text("second-line-of-it, first-line-of-it") == "***, ***"


def test_the_output_of_programs_and_the_error_that_quotes_it_are_masked() -> None:
    events: list[Event] = []
    half = len(SECRET) // 2
    script = f"printf %s '{SECRET[:half]}'; sleep 0.1; echo '{SECRET[half:]}'; echo 'error: {SECRET}' >&2; exit 3"
    with pytest.raises(Exception, match="error: ") as caught:
        run(Command(["sh", "-c", script], "leaky", mask=knowing(SECRET)), events.append, Stop())
    assert SECRET not in str(caught.value)
    assert [event.text for event in events if event.kind == "output"] == ["***", "error: ***"]


def test_captured_output_is_masked_too() -> None:
    lines: list[str] = []
    command = Command(["echo", f"x @ https://h/{SECRET}"], "x", mask=knowing(SECRET))
    run(command, lambda _: None, Stop(), stdout=lines.append)
    assert lines == ["x @ https://h/***"]
