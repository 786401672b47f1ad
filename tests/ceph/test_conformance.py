"""What every object store promises, and what the S3 store promises besides, kept by Ceph."""

from tests.integration.storage.test_s3 import (  # noqa: F401
    test_a_download_link_serves_an_attachment,
    test_a_missing_object_says_nothing_of_its_key,
    test_an_error_of_the_reader_stays_its_own,
    test_an_object_keeps_its_media_type,
    test_an_upload_link_takes_the_bytes,
    verify,
)
from tests.integration.storage.test_stores import *  # noqa: F403
