"""Reads whole bodies, and bounds the memory that they take together: one large body at a time, beside small ones.

Used by transport while it reads and by procore until the records of a page are stored.
"""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import urllib3

from sync_worker.errors import BadPayloadError, RetryableError, TooLargeError

LARGE_BYTES = 8 * 1024**2
"""The largest body that may share memory with any number of others; pages of 1,000 records are mostly smaller."""
MAX_REFUSAL_BYTES = 64 * 1024
UNREADABLE = b"(unreadable)"
"""Stands for the body of a refusal of which nothing came; an empty one would be taken for Procore's."""
_CHUNK_BYTES = 64 * 1024
_INFLATED_BYTES = 1024**2
# The registered codings that we cannot undo (RFC 9110 and IANA). Whatever else a server writes there, such as "none"
# or "utf-8", is no coding, and a body that is one after all is no JSON.
_CODINGS = frozenset(
    {"aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "pack200-gzip", "x-compress", "zstd"}
)
_MOST_CODINGS = 2


class Lease:
    """The right to hold one body; a large one takes `place`, of which there is one.

    Close it before waiting for anything that may itself wait for that place.
    """

    def __init__(self, place: threading.Semaphore) -> None:
        self._place = place
        self.is_large = False

    def grow(self, size_bytes: int, seconds: float) -> None:
        """Wait until a body of this size may be held.

        Raises:
            RetryableError: another large body was held all the `seconds`; a smaller page would not help.
        """
        if self.is_large or size_bytes <= LARGE_BYTES:
            return
        if not self._place.acquire(timeout=max(0.0, seconds)):
            raise RetryableError("another large body is still being stored")
        self.is_large = True

    def close(self) -> None:
        """Give the place to the next large body; the lease may be used again."""
        if self.is_large:
            self.is_large = False
            self._place.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def whole_body(raw: urllib3.HTTPResponse, maximum_bytes: int, lease: Lease, seconds: float) -> bytes:
    """Return a body read to its proven end, unpacked.

    Raises:
        BadPayloadError: nothing proves that it is whole, or it is not.
        TooLargeError: it is beyond the maximum.
    """
    if not _is_framed(raw):
        raise BadPayloadError("the body has no declared length, so nothing proves that it is whole")
    body = io.BytesIO()  # its getvalue() does not copy
    try:
        for part in _decoded(raw):
            if body.tell() + len(part) > maximum_bytes:
                raise TooLargeError(f"the body is larger than {maximum_bytes} bytes; request fewer records per page")
            body.write(part)
            lease.grow(body.tell(), seconds)
        return body.getvalue()
    except BaseException:
        body.close()
        lease.close()
        raise


def _is_framed(raw: urllib3.HTTPResponse) -> bool:
    """Return True if the end of the body can be known: by length, by chunks, or in HTTP/1.0 by its JSON.

    An old proxy can declare neither; an array or object that is cut is no JSON. docs/adr/0021 has the reasons.
    """
    if raw.chunked or raw.length_remaining is not None:
        return True
    return raw.version == 10 and "Content-Length" not in raw.headers and "Transfer-Encoding" not in raw.headers


def words(raw: urllib3.HTTPResponse) -> bytes:
    """Return as much of a refusal's body as came, up to the maximum; the status says enough without it."""
    body = b""
    try:
        for part in _decoded(raw):
            body += part
            if len(body) > MAX_REFUSAL_BYTES:
                return body[:MAX_REFUSAL_BYTES]
    except (urllib3.exceptions.HTTPError, OSError, BadPayloadError):
        return body or UNREADABLE
    return body


def _decoded(raw: urllib3.HTTPResponse) -> Iterator[bytes]:
    chunks: Iterator[bytes] = raw.stream(_CHUNK_BYTES, decode_content=False)
    codings = [name.strip().lower() for name in raw.headers.get("Content-Encoding", "").split(",")]
    unknown = next((name for name in codings if name in _CODINGS), None)
    if unknown is not None:
        raise BadPayloadError(f"the body is encoded as {unknown!r}, which was not asked for")
    zipped = [name for name in codings if name in {"gzip", "x-gzip"}]
    if len(zipped) > _MOST_CODINGS:
        raise BadPayloadError(f"the body is compressed {len(zipped)} times")
    for _ in zipped:
        chunks = _inflated(chunks)
    return chunks


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip piece by piece; urllib3 takes a stream that lacks its end for a whole one.

    Bytes behind a whole member that are no further one, such as zeros, are ignored, as gzip itself does.
    """
    member = zlib.decompressobj(wbits=31)
    is_begun, has_whole = False, False
    try:
        for chunk in chunks:
            packed = chunk
            while packed:
                if member.eof:
                    member, is_begun, has_whole = zlib.decompressobj(wbits=31), False, True
                part = member.decompress(packed, _INFLATED_BYTES)
                is_begun = is_begun or bool(part)
                yield part
                packed = member.unconsumed_tail or member.unused_data
        yield member.flush()
    except zlib.error:
        if is_begun or not has_whole:
            raise BadPayloadError("the gzip stream is broken") from None
    if not member.eof and (is_begun or not has_whole):
        raise BadPayloadError("the gzip stream is cut short")
