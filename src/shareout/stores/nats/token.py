"""The token by which hosts of one ledger know each other, and what it becomes: one key, one certificate, on both ends.

All who have the token derive the same Ed25519 key from it, and the same certificate, which is its own authority. Each
end shows it, and takes nothing but it: mutual TLS 1.3. Nothing of this is done by hand: HKDF, the key, the signature
(which is deterministic) and the certificate are of the package `cryptography`, the handshake is OpenSSL's and Go's.
"""

from __future__ import annotations

import base64
import os
import re
import stat
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.errors import UsageError
from shareout.fields import dataclass

if TYPE_CHECKING:
    import ssl

    from shareout.stores.nats.entrance import Entrance

SIZE = 20
"""Bytes, drawn by the system: 160 bits, and 32 letters and digits to paste."""
VARIABLE = "SHAREOUT_TOKEN"
NAME = "shareout"
"""In the certificate, and asked for by hosts: it is no address, for a server has many."""
LARGEST = 1 << 17
"""Bytes of a file: with certificates it is some thousand."""
_WRITTEN = re.compile(r"[A-Z2-7]{32}")


@dataclass(frozen=True, slots=True)
class Token:
    """One, and where it came from, in words."""

    secret: bytes
    source: str
    entrance: Entrance | None = None
    """Of a server that somebody has; then there is no secret."""

    @property
    def text(self) -> str:
        """As it is written and pasted."""
        return self.entrance.text() if self.entrance else base64.b32encode(self.secret).decode()

    def __repr__(self) -> str:
        return f"Token(from {self.source})"


@dataclass(frozen=True, slots=True)
class Papers:
    """Key and certificate, as PEM."""

    key: bytes
    certificate: bytes


def refuse_where_nothing_speaks() -> None:
    """Before anything is made, in a program that was made without what it takes. Nothing of it is loaded."""
    for name in ("ssl", "cryptography"):
        if find_spec(name) is None:
            raise UsageError(
                f"this program has no part that speaks over a network ({name} is missing)",
                way_out="Install shareout[network]; an executable is made with NETWORK=1. A folder needs neither.",
            )


def read_token(file: str | None, environment: Mapping[str, str], way_out: str) -> Token:
    """From the file (`-`: standard input), else from the environment. Never from the words of a call, which all on a
    host can read."""
    if file == "-":
        return _of(sys.stdin.buffer.read(LARGEST), "standard input")
    if file is not None:
        return _of(private_bytes(Path(file)), file)
    if VARIABLE in environment:
        return _of(environment[VARIABLE].encode(), VARIABLE)
    raise UsageError("who joins a network must show its token", way_out=way_out)


def private_bytes(
    file: Path, what: str = "the token", way_out: str = "Name the file that `serve` has written."
) -> bytes:
    """Of a file with a secret, which its owner alone can read; or of a pipe."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(
            f"{file}: {what} cannot be read: {(error.strerror or str(error)).lower()}", way_out=way_out
        ) from error
    try:
        about = os.fstat(handle)
        if stat.S_ISREG(about.st_mode) and about.st_mode & 0o077:
            raise UsageError(
                f"{file} is open to others (mode {stat.S_IMODE(about.st_mode):04o}), and whoever reads it may join",
                way_out=f"chmod 600 {file}; if others may have read it, make another token.",
            )
        return os.read(handle, LARGEST) if stat.S_ISREG(about.st_mode) else _all_of(handle)
    finally:
        os.close(handle)


def _all_of(handle: int) -> bytes:
    """Of a pipe, as `--token-file <(pass show run)` has it."""
    os.set_blocking(handle, True)
    told = b""
    while len(told) < LARGEST and (data := os.read(handle, LARGEST)):
        told += data
    return told


def _of(said: bytes, source: str) -> Token:
    if said.lstrip().startswith(b"{"):
        from shareout.stores.nats.entrance import entrance_of

        return Token(b"", source, entrance_of(said.decode("utf-8", "replace"), source))
    # A person may have copied it with blanks, or in small letters.
    text = re.sub(r"[\s-]", "", said.decode("ascii", "replace")).upper()
    if not _WRITTEN.fullmatch(text):
        raise UsageError(
            f"{source}: what stands there is no token: it has 32 letters and digits",
            way_out="Copy all of the file that `serve` has written.",
        )
    return Token(base64.b32decode(text), source)


def token_in(file: Path, entrance: Entrance | None = None) -> Token:
    """That of a server of this host: made when it is not there, for its owner alone. Or that of one that somebody
    has."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read_token(str(file), {}, "")
    made = Token(b"" if entrance else os.urandom(SIZE), str(file), entrance)
    try:
        os.write(handle, made.text.encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    return made


def papers_of(token: Token) -> Papers:
    """The same bytes wherever it is done."""
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"shareout", info=b"shareout 1 network key").derive(
        token.secret
    )
    key = Ed25519PrivateKey.from_private_bytes(seed)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        # No clock has a say: hosts without a battery would be refused, and a token lives as long as its run.
        .not_valid_before(datetime(1970, 1, 1))
        .not_valid_after(datetime(2200, 1, 1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .sign(key, None)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Papers(private, built.public_bytes(serialization.Encoding.PEM))


def client_context(papers: Papers) -> ssl.SSLContext:
    """Takes that certificate alone, for its own name, and shows it."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=papers.certificate.decode())
    show_papers(context, papers.key + papers.certificate)
    return context


def show_papers(context: ssl.SSLContext, pem: bytes) -> None:
    """Key and certificate. OSError where they are none."""
    # `ssl` reads a key from a file only: one that has no name, and is never on a disk.
    handle = os.memfd_create("key")
    try:
        os.write(handle, pem)
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
