"""A download that goes on where it was broken off."""

import http.client
import urllib.error
import urllib.request
from time import sleep

TRIES = 6  # without a byte coming, before an address is given up
TIMEOUT = 30  # seconds of silence after which a line counts as broken
CHUNK = 1 << 14  # gzip can make a thousandfold of it, which tarfile holds in memory


class Unavailable(Exception):
    """An address doesn't give what is looked for, for the reason in the message."""


class WrongBytes(Unavailable):
    """What has come isn't what is looked for and can't become it: it isn't worth keeping."""


class Download:
    """The bytes behind an http address, as a file to read.

    ``read`` gives first what an earlier process left in the file ``part``, then what the server
    sends, which it keeps there too. After a drop it asks for the rest, which may be another
    file's by now (``joined``): whoever reads must be able to tell, by a checksum.

    Args:
        address: http or https.
        part: the path of the file that keeps what has come.

    Raises (while reading):
        Unavailable, WrongBytes: nothing more comes; the server can't send the rest.
        OSError: the disk is full.
    """

    def __init__(self, address, part):
        self.address, self.part = address, part
        self.joined = part.exists()
        self._chunks = self._read_and_receive()

    def read(self, size=-1):
        """The next bytes, as many as there are, and none at the end."""
        return next(self._chunks, b"")

    def close(self):
        """Hang up."""
        self._chunks.close()

    def _read_and_receive(self):
        position = 0
        if self.joined:
            with self.part.open("rb") as file:
                while chunk := file.read(CHUNK):
                    position += len(chunk)
                    yield chunk
        for chunk in self._receive(position):
            # Closed at once: a killed process takes along what it has only buffered.
            with self.part.open("ab") as file:
                file.write(chunk)
            yield chunk

    def _receive(self, position):
        """What the server sends from a position on, after as many tries as it takes."""
        failures, length = 0, None
        while length is None or position < length:
            try:
                with self._ask(position, length) as response:
                    length = _whole_length(response, position)
                    while chunk := response.read1(CHUNK):
                        failures = 0
                        position += len(chunk)
                        yield chunk
                if length in (None, position):
                    return
                reason = "the line was closed"
            except (OSError, http.client.HTTPException) as error:
                reason = error
            failures += 1
            if failures == TRIES:
                raise Unavailable(f"{reason}; tried {failures} times, {position:,} bytes are kept")
            sleep(2 ** (failures - 1))

    def _ask(self, position, length):
        """The server's answer to a request for the bytes from a position on."""
        try:
            request = urllib.request.Request(self.address)
            if position:
                self.joined = True
                request.add_header("Range", f"bytes={position}-")
            return urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code >= 500:
                raise
            if error.code == 416:
                raise WrongBytes("the file on the server is another one now") from error
            raise Unavailable(str(error)) from error
        except (urllib.error.URLError, http.client.InvalidURL) as error:
            # Where no server was ever reached, waiting would only delay the message.
            if length is not None:
                raise
            raise Unavailable(f"can't be reached ({getattr(error, 'reason', error)})") from error


def _whole_length(response, position):
    """The bytes of the whole file, or None if the server doesn't tell."""
    if response.headers.get_content_type() == "text/html":
        raise Unavailable("sent a web page (must you sign in to this network first?)")
    if position and response.status != 206:
        raise WrongBytes(f"sent the whole file, where the rest from byte {position} was due")
    return None if response.length is None else position + response.length
