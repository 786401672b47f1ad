"""A folder and a bucket behind one protocol; the bucket is served over TLS, as real ones are."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import WSGIRequestHandler, make_server

from ilios import clock, ids
from ilios.storage.base import ObjectStore
from ilios.storage.links import LinkSigner
from ilios.storage.local import LocalStore
from ilios.storage.s3 import S3Store

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SECRET = "a-secret-that-must-not-be-shown"


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1, which serves as its own authority."""

    certificate: Path
    private_key: Path


class QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Requests are not of interest here."""


class QuietMotoHandler(MotoRequestHandler):
    log = QuietHandler.log


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = clock.now()
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    made.private_key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


@pytest.fixture(scope="session")
def s3_endpoint(certificate: Certificate) -> Iterator[str]:
    app = DomainDispatcherApplication(create_backend_app)
    with _served(app, certificate, QuietMotoHandler) as url:
        yield url


@pytest.fixture
def trusting(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of this test trust the self-signed certificate."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.certificate))


@pytest.fixture
def serve_tls(certificate: Certificate) -> Iterator[Callable[[WSGIApplication], str]]:
    """Serve a WSGI application over TLS until the test ends; gives its URL."""
    with ExitStack() as servers:
        yield lambda app: servers.enter_context(_served(app, certificate, QuietHandler))


@pytest.fixture
def s3_store(s3_endpoint: str, trusting: None) -> S3Store:
    bucket = f"test-{ids.new_id()}"
    admin = boto3.session.Session().client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="key-id",
        aws_secret_access_key=SECRET,
    )
    admin.create_bucket(Bucket=bucket)
    admin.close()
    return S3Store(bucket, s3_endpoint, "key-id", SECRET, "path")


@pytest.fixture
def local_store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "objects", LinkSigner(b"k" * 32), "https://ocr.example.com")


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[[bytes], Path]:
    """A new file with the given bytes, to be given away to a store."""

    def make(content: bytes) -> Path:
        path = tmp_path / f"upload-{ids.new_id()}"
        path.write_bytes(content)
        return path

    return make


@contextmanager
def _served(
    app: WSGIApplication, certificate: Certificate, handler: type[WSGIRequestHandler]
) -> Iterator[str]:
    server = make_server(
        "127.0.0.1",
        0,
        app,
        threaded=True,
        request_handler=handler,
        ssl_context=(str(certificate.certificate), str(certificate.private_key)),
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
