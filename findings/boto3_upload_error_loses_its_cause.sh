#!/usr/bin/env bash
# boto3: the error of a refused upload_file sometimes does not know what was refused.
#
# One would guess: `upload_file` raises S3UploadFailedError inside an `except ClientError`, so its
# `__context__` is the ClientError, with the store's status and code, as with any chained error.
#
# What happens: mostly so; now and then `__context__` is None, and only a sentence is left. While
# the S3UploadFailedError leaves the transfer manager's `with`, `__exit__` waits for transfers that
# a thread has not yet forgotten. Waiting raises the very same ClientError once more, in a block
# that is handling the S3UploadFailedError: the ClientError would get that one as its context,
# which would be a circle, and Python breaks circles by dropping the older link. Whether the
# transfer is forgotten in time is a race between two threads.
#
# Why it matters: a program that tells a wrong key (403) from an outage by that ClientError takes
# one refusal in some thousands for an outage, and more under load. `create_transfer_manager`,
# which `upload_file` stands on, raises the ClientError itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  boto3==1.44.5 botocore==1.44.5 s3transfer==0.19.3
cat > "$folder/run.py" <<'PYTHON'
import http.server
import sys
import tempfile
import threading

import boto3
import s3transfer
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config

UPLOADS = 3000
REFUSAL = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


class Refusing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(403)
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{server.server_port}",
    aws_access_key_id="id",
    aws_secret_access_key="secret",
    region_name="us-east-1",
    config=Config(
        retries={"total_max_attempts": 1}, request_checksum_calculation="when_required"
    ),
)
sys.setswitchinterval(1e-5)  # threads take turns often, as they do under load
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x")
    file.flush()
    tried = lost = 0
    while tried < UPLOADS and lost < 3:
        tried += 1
        try:
            client.upload_file(file.name, "bucket", "key")
        except S3UploadFailedError as error:
            lost += error.__context__ is None
print(f"boto3 {boto3.__version__}, s3transfer {s3transfer.__version__}")
print(f"{tried} refused uploads; {lost} of their errors had no context")
sys.exit(0 if lost else "Every error had its context: the behaviour has changed.")
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
# Seen: boto3 1.44.5, s3transfer 0.19.3, Python 3.11: 3 without a context in 100 to 600 uploads.
