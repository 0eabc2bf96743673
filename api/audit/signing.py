"""The key that signs the end of the record, kept outside the database."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from api.audit.entry import SEPARATOR
from api.refusals import AuditRefusedError

KEY_FILE = "audit-key.pem"
PUBLIC_FILE = "audit-key.pub.pem"
_MOST_BYTES = 4096


@dataclass(frozen=True)
class Head:
    """The end of the record at a moment: how many rows, and the digest of the last."""

    position: int
    row_sha256: str
    signed_utc: str
    key_id: str
    signature: bytes


@dataclass(frozen=True)
class Verifier:
    """Checks signatures with a public key."""

    public: Ed25519PublicKey

    @property
    def key_id(self) -> str:
        """Return the identifier of the key: 16 hexadecimal digits of its digest."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def raw(self) -> bytes:
        """Return the 32 bytes of the public key."""
        return self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def pem(self) -> bytes:
        """Return the public key as a file holds it."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def accepts(self, head: Head) -> bool:
        """Return whether a head was signed with this key and not altered since."""
        if head.key_id != self.key_id:
            return False
        try:
            self.public.verify(
                head.signature, _message(head.position, head.row_sha256, head.signed_utc)
            )
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """Signs the end of the record."""

    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """Return what checks this key's signatures."""
        return Verifier(self.private.public_key())

    def sign(self, position: int, row_sha256: str, signed_utc: str) -> Head:
        """Return a signed head."""
        signature = self.private.sign(_message(position, row_sha256, signed_utc))
        return Head(position, row_sha256, signed_utc, self.verifier.key_id, signature)


def open_signer(data_dir: Path, *, create: bool = True) -> Signer:
    """Return the key of a data directory, made at the first run, for its owner's eyes only.

    Raises
    ------
    AuditRefusedError
        When the file is damaged, open to others, or (without ``create``) absent.
    OSError
        When it cannot be read or written.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        if not create:
            raise AuditRefusedError(
                "there is no signing key",
                remedy="restore it from where the data directory is backed up, or give the "
                "public key with --public-key",
                file=path.name,
            )
        signer = make_private_file(path)
        write_flushed(path.with_name(PUBLIC_FILE), signer.verifier.pem, 0o644)
        return signer
    return read_signer(path)


def read_signer(path: Path) -> Signer:
    """Return the key in a file that its owner alone can read.

    Raises
    ------
    AuditRefusedError
        When the file is damaged, or open to others.
    OSError
        When it cannot be read.
    """
    if path.stat().st_mode & 0o077:
        raise AuditRefusedError(
            "the signing key can be read by others on this machine",
            remedy=f"run `chmod 600 {path}`; if others may have copied it, export an anchor "
            "and replace it",
            file=path.name,
        )
    try:
        key = load_pem_private_key(path.read_bytes()[:_MOST_BYTES], password=None)
    except (ValueError, TypeError) as fault:
        raise _damaged(path, "signing key") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise _damaged(path, "signing key")
    return Signer(key)


def read_public_key(path: Path) -> Verifier:
    """Return the checker of a public key file (PEM).

    Raises
    ------
    AuditRefusedError
        When it is not an Ed25519 public key.
    """
    try:
        key = load_pem_public_key(path.read_bytes()[:_MOST_BYTES])
    except (ValueError, TypeError) as fault:
        raise _damaged(path, "public key") from fault
    if not isinstance(key, Ed25519PublicKey):
        raise _damaged(path, "public key")
    return Verifier(key)


def make_private_file(path: Path) -> Signer:
    """Make a key in a file for its owner's eyes only, on disk before this returns."""
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_flushed(path, private, 0o600)
    return Signer(key)


def write_flushed(path: Path, content: bytes, mode: int) -> None:
    """Write a file and flush it to disk."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _message(position: int, row_sha256: str, signed_utc: str) -> bytes:
    return SEPARATOR.join(("arv-audit-head", str(position), row_sha256, signed_utc)).encode()


def _damaged(path: Path, what: str) -> AuditRefusedError:
    return AuditRefusedError(
        f"the {what} is damaged, or of another kind than Ed25519",
        remedy="restore it from where the data directory is backed up",
        file=path.name,
    )
