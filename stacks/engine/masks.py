"""Keeping secrets out of what is written down: known ones in the forms that programs print, and what looks like one."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

MASK = b"***"
SHORTEST = 8  # characters of a secret; what is shorter stands in ordinary words
_HELD = 4 * 1024  # bytes of an unfinished line that may still turn out to hold a secret

# What secrets look like, each with words that must be there first: those are found much faster than a pattern. The
# group “kept” stays.
_LOOKS = tuple((hint.split(), re.compile(pattern)) for hint, pattern in (
    (b":// @", rb"(?P<kept>://)(?:[^\s/@:\"'<>]*:[^\s/@\"'<>]+|[^\s/@:\"'<>]{16,})(?=@)"),
    (b"/t/", rb"(?P<kept>/t/)[A-Za-z0-9-]{16,}(?=/)"),
    (b"gh", rb"\bgh[pousr]_[A-Za-z0-9]{30,}"),
    (b"github_pat_", rb"\bgithub_pat_[A-Za-z0-9_]{22,}"),
    (b"glpat-", rb"\bglpat-[A-Za-z0-9_-]{20,}"),
    (b"pypi-AgE", rb"\bpypi-AgE[A-Za-z0-9_-]{20,}"),
    (b"npm_", rb"\bnpm_[A-Za-z0-9]{36,}"),
    (b"hf_", rb"\bhf_[A-Za-z0-9]{30,}"),
    (b"xox", rb"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    (b"AKIA", rb"\bAKIA[0-9A-Z]{16}\b"),
    (b"ASIA", rb"\bASIA[0-9A-Z]{16}\b"),
    (b"uthorization", rb"(?i:(?P<kept>\bauthorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer|token)\s+))[^\s\"']{6,}"),
    (b"assword", rb"(?i:(?P<kept>password[\"']?\s*=\s*[\"']?))[^\s\"'&,;]{6,}"),
    (b"oken", rb"(?i:(?P<kept>token[\"']?\s*=\s*[\"']?))[^\s\"'&,;]{8,}"),
    (b"ecret", rb"(?i:(?P<kept>secret[\"']?\s*=\s*[\"']?))[^\s\"'&,;]{8,}"),
    (b"api_key", rb"(?P<kept>api_key[\"']?\s*=\s*[\"']?)[^\s\"'&,;]{8,}"),
    (b"API_KEY", rb"(?P<kept>API_KEY[\"']?\s*=\s*[\"']?)[^\s\"'&,;]{8,}"),
))  # fmt: skip

Span = tuple[int, int]


class Mask:
    """What one operation must not write down."""

    def __init__(self) -> None:
        self._known: list[bytes] = []
        self.plain: set[bytes] = set()

    def learn(self, secret: str) -> None:
        """Mask a secret from now on, in every form that `forms` lists; `plain` holds it as it is."""
        self.plain.add(secret.encode())
        self._known = sorted({*self._known, *forms(secret)}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Give a text without its secrets."""
        data = text.encode(errors="surrogatepass")
        spans = self.spans(data)
        return b"".join(masked(data, spans, 0, len(data))).decode(errors="replace") if spans else text

    def spans(self, data: bytes) -> list[Span]:
        """Find the secrets of some bytes: where each begins and ends, in order, none within another."""
        found = sorted([*self._known_in(data), *_looking_like(data)])
        merged: list[Span] = []
        for start, end in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _known_in(self, data: bytes) -> Iterator[Span]:
        for secret in self._known:
            at = data.find(secret)
            while at >= 0:
                yield at, at + len(secret)
                at = data.find(secret, at + len(secret))


def _looking_like(data: bytes) -> Iterator[Span]:
    for hints, pattern in _LOOKS:
        if all(hint in data for hint in hints):
            for match in pattern.finditer(data):
                yield (match.end("kept") if "kept" in pattern.groupindex else match.start()), match.end()


def masked(data: bytes, spans: list[Span], start: int, end: int) -> Iterator[bytes]:
    """Give the bytes from `start` to `end` with a mask in the place of each secret."""
    for first, last in spans:
        if first >= end:
            break
        yield data[start:first]
        yield MASK
        start = last
    yield data[start:end]


def forms(secret: str) -> set[bytes]:
    """Spell a secret, and each of its lines, in the ways in which programs print one."""
    lines = {line.strip() for line in (secret, *secret.splitlines())}
    return {form for line in lines if len(line) >= SHORTEST for form in _forms(line)}


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield binascii.hexlify(raw)
    yield binascii.hexlify(raw).upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # In the middle of something encoded it begins at any of three places; what mixes with its neighbours is left.
        for before in range(3):
            whole = encode(b"\0" * before + raw).rstrip(b"=")
            end = len(whole) - 1 if (before + len(raw)) % 3 else len(whole)
            yield from {whole[(0, 2, 3)[before] :], whole[(0, 2, 3)[before] : end]}


class Masking:
    """Passes bytes on without their secrets, also where one comes in pieces: `feed`, then `close`."""

    def __init__(self, mask: Mask, give: Callable[[bytes], None]) -> None:
        self._mask = mask
        self._give = give
        self._held = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes; what may be the beginning of a secret is held back."""
        data = self._held + data
        spans = self._mask.spans(data)
        end = _end(data, spans)
        self._pass(data, spans, end)
        self._held = data[end:]

    def close(self) -> None:
        """Pass on what was held back."""
        self._pass(self._held, self._mask.spans(self._held), len(self._held))
        self._held = b""

    def _pass(self, data: bytes, spans: list[Span], end: int) -> None:
        if end:
            self._give(b"".join(masked(data, spans, 0, end)) if spans else data[:end])


def _end(data: bytes, spans: list[Span]) -> int:
    """Tell up to where bytes can be passed on: whole lines, and of a long line all but its end."""
    end = max(data.rfind(b"\n") + 1, len(data) - _HELD)
    for start, stop in spans:
        if start < end < stop or (stop == len(data) and start < end):
            return start if stop == len(data) and len(data) - start < _HELD else stop
    return end
