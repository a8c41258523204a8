"""What a module has in files: secrets, bodies and certificates, read when they are used.

Then a secret that was rotated is the new one without a reload.
"""

import atexit
import hashlib
import shutil
import ssl
import tempfile
from functools import cache
from pathlib import Path

from pydantic import SecretStr

from vedette.agent.blackbox.client import TlsConfig
from vedette.checks.http.tls import TlsSettings

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


def text_of(value: SecretStr | str | None, file: str) -> str:
    """Return *value*, else what *file* holds, else ""; raise OSError."""
    if file:
        return Path(file).read_text(encoding="utf-8").strip()
    return value.get_secret_value() if isinstance(value, SecretStr) else value or ""


def tls_settings(config: TlsConfig, server_name: str = "") -> TlsSettings:
    """Return *config* as the http checks have it; *server_name* is for where it names none."""
    key = "" if config.key is None else config.key.get_secret_value()
    return TlsSettings(
        ca_file=config.ca_file or _kept(config.ca),
        cert_file=config.cert_file or _kept(config.cert),
        key_file=config.key_file or _kept(key),
        server_name=config.server_name or server_name or None,
        verify=not config.insecure_skip_verify,
        min_version=_VERSIONS[config.min_version] if config.min_version else None,
        max_version=_VERSIONS[config.max_version] if config.max_version else None,
    )


def _kept(pem: str) -> str | None:
    """Return a file of ours that holds *pem*: OpenSSL takes a client's key from nothing else."""
    if not pem:
        return None
    path = _folder() / hashlib.sha256(pem.encode()).hexdigest()
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(pem)
    return str(path)


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vedette-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
