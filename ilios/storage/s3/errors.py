"""What the errors of an S3 client mean when the store did not answer; see error_responses."""

from __future__ import annotations

import socket
import ssl
from typing import Final, TypeVar

from ilios.core.conversion_errors import StorageMisconfigured, StorageUnavailable
from ilios.storage.s3.error_responses import refusal
from ilios.storage.s3.location import BucketLocation

Cause = TypeVar("Cause", bound=BaseException)

_NO_SUCH_NAME: Final = (socket.EAI_NONAME, socket.EAI_NODATA)
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")

_NO_CERTIFICATE: Final = ("NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE")
_TLS_LOOK_SECONDS: Final = 3.0

_OUT_OF_DATE: Final = (9, 10)  #: OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED


class s3_errors:  # noqa: N801  # used like a function; as a generator it takes thrice as long
    """Turn errors of boto3 and its libraries into ObjectMissing or StorageUnavailable.

    It is StorageMisconfigured where nothing but another setting, or another clock, can help.
    """

    def __init__(self, location: BucketLocation) -> None:
        self._location = location

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            _require_other(error, self._location)


def _require_other(error: BaseException, location: BucketLocation) -> None:
    """Raise what the error of an S3 client means; return for another."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    if not isinstance(error, Boto3Error | BotoCoreError | ClientError | HTTPError):
        return
    cause = _root(error)
    if isinstance(cause, ClientError):
        raise refusal(cause.response, cause.operation_name, location) from error
    raise _no_answer(cause, location) from error


def _root(error: Exception) -> BaseException:
    """Return the error of a download, which boto3 wraps with paths and keys in the text."""
    from boto3.exceptions import RetriesExceededError

    if isinstance(error, RetriesExceededError):
        return getattr(error, "last_exception", error)
    return error


def _no_answer(error: BaseException, location: BucketLocation) -> StorageUnavailable:
    from botocore.exceptions import (
        ConnectionClosedError,
        InvalidConfigError,
        ProfileNotFound,
        SSLError,
    )

    if unresolved := _beneath(error, socket.gaierror):
        return _unresolved(unresolved, location)
    if isinstance(error, SSLError):
        return _no_tls(error, location)
    if isinstance(error, ConnectionClosedError) and _speaks_tls(location):
        return StorageMisconfigured(
            f"{location.host} speaks TLS at that port. Let AWS_ENDPOINT_URL_S3 begin with https://."
        )
    if isinstance(error, InvalidConfigError | ProfileNotFound):
        return StorageMisconfigured(
            f"boto3 cannot work in this environment ({type(error).__name__}). Correct or unset "
            "AWS_CA_BUNDLE and other variables that begin with AWS_."
        )
    return StorageUnavailable(
        f"The object store at {location.host} cannot be used: {type(error).__name__}. "
        "Check that it runs, AWS_ENDPOINT_URL_S3 and the network."
    )


def _unresolved(error: socket.gaierror, location: BucketLocation) -> StorageUnavailable:
    if location.addressing_style == "virtual" and _resolves(location.host):
        return StorageMisconfigured(
            f"The name {location.bucket}.{location.host} has no address, "
            f"though {location.host} has one. Set S3_ADDRESSING_STYLE=path."
        )
    if error.errno in _NO_SUCH_NAME:
        return StorageMisconfigured(
            f"The name {location.host} has no address. Correct AWS_ENDPOINT_URL_S3, or this "
            "machine's DNS."
        )
    return StorageUnavailable(
        f"The name {location.host} cannot be looked up at present. Check the network, its DNS and "
        "AWS_ENDPOINT_URL_S3."
    )


def _resolves(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


def _speaks_tls(location: BucketLocation) -> bool:
    """Return whether a store that closes plain HTTP connections takes TLS at the same port."""
    if location.is_encrypted:
        return False
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent; this looks only whether it is TLS
    address = (location.host, location.port)
    try:
        with socket.create_connection(address, _TLS_LOOK_SECONDS) as connection:
            context.wrap_socket(connection).close()
    except OSError:
        return False
    return True


def _no_tls(error: BaseException, location: BucketLocation) -> StorageUnavailable:
    from urllib3.util.ssl_match_hostname import CertificateError

    if _beneath(error, CertificateError):
        return StorageMisconfigured(
            f"The certificate of {location.host} is that of another host. "
            "Name in AWS_ENDPOINT_URL_S3 the host that it was made for; "
            "if it only does not know the bucket before the host, set S3_ADDRESSING_STYLE=path."
        )
    if untrusted := _beneath(error, ssl.SSLCertVerificationError):
        remedy = _certificate_remedy(untrusted.verify_code)
        return StorageMisconfigured(
            f"The certificate of {location.host} is not trusted "
            f"({untrusted.verify_message.rstrip('.')}). {remedy}"
        )
    broken = _beneath(error, ssl.SSLError)
    reason = broken.reason if broken and broken.reason else type(error).__name__
    if reason in _NO_CERTIFICATE or _beneath(error, FileNotFoundError):
        return StorageMisconfigured(
            "AWS_CA_BUNDLE names no file with certificates (PEM). Correct it, or unset it."
        )
    if reason in _NOT_TLS:
        return StorageMisconfigured(
            f"{location.host} does not speak TLS at that port. Correct AWS_ENDPOINT_URL_S3: its "
            "port, or http:// in place of https://."
        )
    return StorageUnavailable(
        f"No TLS connection to the object store at {location.host} could be made ({reason}). "
        "Check AWS_ENDPOINT_URL_S3 and the network."
    )


def _certificate_remedy(verify_code: int) -> str:
    if verify_code in _OUT_OF_DATE:
        return "Renew it, or set this machine's clock."
    return "If it is yours, name the certificate of its authority in AWS_CA_BUNDLE."


def _beneath(error: BaseException, kind: type[Cause]) -> Cause | None:
    """Return the error of this kind that led to `error`, directly or not."""
    below: BaseException | None = error
    while below is not None and not isinstance(below, kind):
        below = below.__cause__ or below.__context__
    return below
