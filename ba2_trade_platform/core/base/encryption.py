"""Encryption: keeps secrets unreadable in the database, by a key that lies in a file of its own."""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class SecretLostError(Exception):
    """What was encrypted cannot be read any more: the key file is gone, or is another one."""


class SecretBox:
    """Encrypts short texts by the key in `file`, which is made, readable by its owner only, when it is first needed.

    Thread-safe. Whoever copies the database without this file has copied no secret.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def encrypt(self, secret: str) -> bytes:
        """Return `secret` encrypted; makes the key file where there is none. Raises OSError when it cannot."""
        with self._lock:
            if not self._file.exists():
                self._make()
            return self._fernet().encrypt(secret.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """Return what was encrypted, or raise SecretLostError with a sentence."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - loaded when there is a secret to read

        try:
            return self._fernet().decrypt(encrypted).decode()
        except OSError as error:
            raise SecretLostError(f"{self._file} cannot be read: {error.strerror}") from error
        except (InvalidToken, ValueError) as error:
            raise SecretLostError(f"{self._file} is not the key it was encrypted with") from error

    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - loaded when there is a secret to read or to keep

        return Fernet(self._file.read_bytes().strip())

    def _make(self) -> None:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - loaded when there is a secret to keep

        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(f"{self._file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(Fernet.generate_key())
                out.flush()
                os.fsync(out.fileno())
            # Linked and not renamed: a key that another process made meanwhile must not be replaced.
            self._file.hardlink_to(draft)
        except FileExistsError:
            return
        finally:
            draft.unlink()
