#!/usr/bin/env bash
# python-oxmsg: a mail that is attached to an Outlook message is an attachment "by value" of no bytes.
#
# One would guess: `attached_by_value` says that `file_bytes` has the content, and what has none is
# attached by reference to a file elsewhere.
#
# What happens: for an attached mail (method 5) `attached_by_value` is True, for it tests one bit of the
# method, `file_bytes` is None, `size` 0 and `file_name` None. The mail is there: it is a storage inside of
# the attachment's, which nothing of the package's interface leads to.
#
# Why it matters: forwarded mails are what people attach most, and a program that saves the attachments
# of a message leaves them out without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-oxmsg==0.0.2 olefile==0.47
cat > "$folder/run.py" <<'PYTHON'
import struct

from oxmsg.attachment import Attachment
from oxmsg.storage import Storage, Stream

properties = bytes(8) + struct.pack("<HHIQ", 3, 0x3705, 6, 5)  # PidTagAttachMethod: an embedded mail
path = "__attach_version1.0_#00000000"
mail = Storage(
    f"{path}/__substg1.0_3701000D",
    (Stream(f"{path}/__substg1.0_3701000D/__substg1.0_1000001F", "Hello".encode("utf-16-le")),),
    (),
)
attachment = Attachment(Storage(path, (Stream(f"{path}/__properties_version1.0", properties),), (mail,)))
print("by value:", attachment.attached_by_value, "bytes:", attachment.file_bytes)
print("size:", attachment.size, "name:", attachment.file_name)
assert attachment.attached_by_value
assert attachment.file_bytes is None
assert (attachment.size, attachment.file_name) == (0, None)
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
