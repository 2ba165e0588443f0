"""Servers that somebody has: what they ask for is shown in the way their operators give it, and what cannot be is told
in a sentence."""

from __future__ import annotations

import base64
import binascii
import json
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from kit.nats_theirs import theirs
from kit.remote_store import charter
from shareout.errors import UsageError
from shareout.serving.login_file import login_in
from shareout.serving.there import entrance_by, kept_token
from shareout.stores.nats.opening import make_nats, open_nats, secured
from shareout.stores.nats.store import NatsStore
from shareout.stores.nats.token import Token, read_token, token_in


def secret(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def made(urls: str, login: str | None) -> NatsStore:
    """As `serve` does it."""
    entrance = entrance_by(urls, login)
    return make_nats(secured(entrance.addresses[0], Token(b"", "the test", entrance)), charter(), "the test")


def works(urls: str, login: str | None, folder: Path) -> None:
    """For who serves, and for a host that has nothing but the token."""
    entrance = entrance_by(urls, login)
    token = kept_token(folder / "token", entrance)
    with closing(make_nats(secured(entrance.addresses[0], token), charter(), "the test")) as store:
        assert store.put("lanes/0.0/1", b"first") == b"first"
    shown = read_token(str(folder / "token"), {}, "")
    with closing(open_nats(secured(entrance.addresses[0], shown), charter(), "the test")) as store:
        assert store.get("lanes/0.0/1") == b"first"
        store.beat("alice", b"here")


def key_pair(kind: int = 20) -> tuple[str, str, Ed25519PrivateKey]:
    """The seed of a user, an account (0) or an operator (14), its public key as NATS writes it, and the key."""
    key = Ed25519PrivateKey.generate()
    # The prefix of a seed and that of whom it is of share 16 bits.
    raw = bytes([18 << 3 | kind >> 2, (kind & 3) << 6]) + key.private_bytes_raw()
    return written(raw), written(bytes([kind << 3]) + key.public_key().public_bytes_raw()), key


def written(raw: bytes) -> str:
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def said_by(issuer: tuple[str, str, Ed25519PrivateKey], subject: str, kind: str, **about: Any) -> str:
    """A JWT as `nsc` makes it."""
    claims = {"iss": issuer[1], "sub": subject, "name": kind, "iat": 1, "jti": "x", "nats": {**about, "type": kind}}
    claims["nats"]["version"] = 2
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, claims]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
    return f"{text}.{base64.urlsafe_b64encode(issuer[2].sign(text.encode())).decode().rstrip('=')}"


def test_a_server_that_asks_for_nothing_a_password_a_token_or_a_key(tmp_path: Path) -> None:
    seed, public, _ = key_pair()
    with theirs(tmp_path / "free") as server:
        works(server.urls, None, tmp_path / "free")
    users = [{"user": "ann", "password": "a:secret"}, {"nkey": public}]
    with theirs(tmp_path / "users", authorization={"users": users}) as server:
        for name, text in (("password", "ann:a:secret\n"), ("key", f"{seed}\n")):
            (tmp_path / name).mkdir()
            works(server.urls, secret(tmp_path / f"{name}.login", text), tmp_path / name)
        context = {"user": "ann", "password": "a:secret", "url": "nats://elsewhere", "inbox_prefix": "_INBOX"}
        (tmp_path / "context").mkdir()
        works(server.urls, secret(tmp_path / "context.json", json.dumps(context)), tmp_path / "context")
        with pytest.raises(UsageError, match="does not let us in: Authorization Violation"):
            made(server.urls, secret(tmp_path / "wrong", "ann:wrong"))
        with pytest.raises(UsageError, match="does not let us in: Authorization Violation"):
            made(server.urls, None)
    with theirs(tmp_path / "token", authorization={"token": "open-sesame"}) as server:
        works(server.urls, secret(tmp_path / "token.login", "open-sesame\n"), tmp_path / "token")


def test_an_account_of_operators_lets_in_by_creds(tmp_path: Path) -> None:
    operator, account, system, user = (key_pair(kind) for kind in (14, 0, 0, 20))
    free = dict.fromkeys(
        ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage", "streams",
         "consumer"), -1,
    )  # fmt: skip
    accounts = {
        account[1]: said_by(operator, account[1], "account", limits={**free, "wildcards": True}),
        system[1]: said_by(operator, system[1], "account", limits={"conn": -1, "subs": -1, "data": -1, "payload": -1}),
    }
    jwt = said_by(account, user[1], "user", subs=-1, data=-1, payload=-1, pub={}, sub={})
    creds = (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n"
        f"-----BEGIN USER NKEY SEED-----\n{user[0]}\n------END USER NKEY SEED------\n"
    )
    told = said_by(operator, operator[1], "operator")
    with theirs(
        tmp_path / "one", operator=told, system_account=system[1], resolver="MEMORY", resolver_preload=accounts
    ) as server:
        works(server.urls, secret(tmp_path / "user.creds", creds), tmp_path)
        secret(tmp_path / "context.json", json.dumps({"creds": "user.creds"}))
        made(server.urls, str(tmp_path / "context.json")).close()
        other = key_pair()[0]
        with pytest.raises(UsageError, match="does not let us in"):
            made(server.urls, secret(tmp_path / "other.creds", creds.replace(user[0], other)))


def papers(folder: Path) -> dict[str, str]:
    """An authority, and a server and a client of it."""
    authority = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "theirs")])
    found = {}
    for name in ("ca", "server", "client"):
        key = authority if name == "ca" else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "theirs" if name == "ca" else name)])
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(named).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(datetime(2020, 1, 1))
        made = made.not_valid_after(datetime(2100, 1, 1))
        made = made.add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        pem = made.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
        (folder / f"{name}.pem").write_bytes(pem)
        found |= {name: str(folder / f"{name}.pem"), f"{name}-key": str(folder / f"{name}.key")}
    return found


@pytest.mark.parametrize("is_first", [False, True])
def test_tls_of_their_own_authority_with_a_certificate_of_the_host(tmp_path: Path, is_first: bool) -> None:
    files = papers(tmp_path)
    tls = {"cert_file": files["server"], "key_file": files["server-key"], "ca_file": files["ca"], "verify": True}
    with theirs(tmp_path / "one", tls={**tls, "handshake_first": is_first}) as server:
        url = f"localhost:{server.ports[0]}"
        context = {"ca": files["ca"], "cert": files["client"], "key": files["client-key"], "tls_first": is_first}
        works(url, secret(tmp_path / "context.json", json.dumps(context)), tmp_path)
        stranger = {"tls_first": is_first}
        with pytest.raises(UsageError, match="do not believe each other: unable to get local issuer"):
            made(url, secret(tmp_path / "stranger.json", json.dumps(stranger)))
        with pytest.raises(UsageError, match=r"do not believe each other|cannot be reached"):
            made(url, secret(tmp_path / "bare.json", json.dumps({**stranger, "ca": files["ca"]})))
    with theirs(tmp_path / "clear") as server, pytest.raises(UsageError, match="speaks no TLS, which it was told to"):
        made(f"localhost:{server.ports[0]}", secret(tmp_path / "ca.json", json.dumps({"ca": files["ca"]})))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"jetstream": None}, "cannot hold a run: JetStream is not enabled there"),
        ({"max_payload": 4_096}, "cannot hold a run: it takes messages of 4,096 bytes, and 64,200 are needed"),
        ({"jetstream": "none"}, "cannot hold a run: JetStream is not enabled there for this account"),
        ({"jetstream": {"max_streams": 2}}, "its account may have 2 streams, has 0, and a run needs 4"),
        ({"jetstream": {"max_store": 1_000_000}}, "its account may have 1,000,000 bytes on disk"),
        ({"permissions": {"publish": ["other.>"]}}, "Permissions Violation for Publish to"),
        ({"permissions": {"publish": ["$JS.API.>"]}}, 'Permissions Violation for Publish to "shareout'),
        ({"permissions": {"subscribe": ["other.>"]}}, "does not let us in: Permissions Violation for Subscription"),
    ],
)
def test_what_a_server_or_account_cannot_is_told_before_anything_runs(
    tmp_path: Path, settings: dict[str, Any], sentence: str
) -> None:
    login = secret(tmp_path / "login", "ann:secret")
    user = {"user": "ann", "password": "secret", "permissions": settings.get("permissions", {})}
    account = settings.get("jetstream", "enabled")
    more: dict[str, Any] = {"accounts": {"ours": {"users": [user], "jetstream": account}}}
    if "max_payload" in settings or account is None:
        more = {**settings, "authorization": {"users": [{"user": "ann", "password": "secret"}]}}
    elif account == "none":
        more = {"accounts": {"ours": {"users": [user]}, "theirs": {"users": [], "jetstream": "enabled"}}}
    with theirs(tmp_path / "one", **more) as server:
        with pytest.raises(UsageError, match=sentence) as caught:
            made(server.urls, login)
        assert caught.value.exit_code == 2
        assert caught.value.way_out


def test_a_login_that_is_none_is_told(tmp_path: Path) -> None:
    for text, sentence in (
        ("", "is no login"), ("two words", "is no login"), ("{", "is no JSON"), ("SU" + "A" * 56, "is damaged"),
        ("-----BEGIN NATS USER JWT-----\nx\n", "lacks the JWT"), ('{"nsc": "x"}', 'says "nsc"'),
        ('{"creds": "nowhere"}', "nowhere, which cannot be read: no such file"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=sentence):
            login_in(secret(tmp_path / "login", text))
    (tmp_path / "login").chmod(0o644)
    with pytest.raises(UsageError, match="is open to others"):
        login_in(str(tmp_path / "login"))
    with pytest.raises(UsageError, match="can be read by all on this host"):
        entrance_by("nats://ann:secret@home:4222", None)
    with pytest.raises(UsageError, match="is no address"):
        entrance_by("home:x", None)


def test_a_token_of_theirs_is_read_as_it_was_written_or_refused(tmp_path: Path) -> None:
    kept = kept_token(tmp_path / "token", entrance_by("a:1,nats://b", secret(tmp_path / "login", "ann:secret")))
    shown = read_token(str(tmp_path / "token"), {}, "")
    assert shown.entrance == kept.entrance
    assert "secret" not in repr(shown)
    assert kept.entrance
    assert kept.entrance.servers == ("nats://a:1", "nats://b:4222")
    for text in ('{"token": 2}', '{"token": 1, "servers": 5}', "{", '{"token": 1, "servers": [], "prefix": 3}'):
        with pytest.raises(UsageError, match="is no token"):
            read_token(secret(tmp_path / "other", text), {}, "")
    token_in(tmp_path / "own")
    with pytest.raises(UsageError, match="lies on a server of its own"):
        kept_token(tmp_path / "own", kept.entrance)
