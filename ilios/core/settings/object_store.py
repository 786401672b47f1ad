"""Settings of the object store: a bucket, or else a folder in the data folder."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, SecretStr, model_validator

from ilios.core.errors import SettingsError
from ilios.core.settings.fields import HttpUrl, SubjectSettings, setting

S3_TOGETHER: Final = ("S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_BUCKET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def _credential(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("has a space, a line break or a special character; copy it again")
    return value


def _bucket(value: str) -> str:
    if _BUCKET_NAME.fullmatch(value) is None:
        raise ValueError("must be the name of a bucket, without a scheme or a path")
    return value


Credential = Annotated[SecretStr, AfterValidator(_credential)]
Bucket = Annotated[str, AfterValidator(_bucket)]


class ObjectStoreSettings(SubjectSettings):
    """Access to an S3 bucket."""

    aws_access_key_id: Credential | None = setting(None, "S3 access key", "tid_xxx")
    aws_secret_access_key: Credential | None = setting(None, "S3 secret key", "tsec_xxx")
    s3_bucket: Bucket | None = setting(
        None, "S3 bucket; unset: objects live in DATA_DIR", "documents"
    )
    aws_endpoint_url_s3: HttpUrl = setting(
        "https://fly.storage.tigris.dev", "S3 endpoint", "https://fly.storage.tigris.dev"
    )
    s3_addressing_style: Literal["auto", "path", "virtual"] = setting(
        "auto",
        "How the bucket is named in URLs; auto is virtual at Tigris and AWS, else path",
        "path",
    )
    s3_region: str = setting(
        "auto",
        "Region that requests are signed for; auto takes that of an AWS endpoint, else `auto`",
        "eu-central-1",
        pattern="^[A-Za-z0-9-]{1,64}$",
    )

    @model_validator(mode="after")
    def _require_whole_s3(self) -> Self:
        values = {name: getattr(self, name.lower()) for name in S3_TOGETHER}
        given = [name for name, value in values.items() if value]
        missing = [name for name, value in values.items() if not value]
        if given and missing:
            raise SettingsError(
                f"{' and '.join(given)} {'are' if given[1:] else 'is'} set without "
                f"{' and '.join(missing)}: set all three for a bucket, or none of them to keep "
                "objects in DATA_DIR."
            )
        return self
