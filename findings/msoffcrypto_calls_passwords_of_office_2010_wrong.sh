#!/usr/bin/env bash
# msoffcrypto-tool: the right password of a file that Office 2010 has encrypted is called wrong.
#
# One would guess: `load_key(password, verify_password=True)` says whether a password opens the file, for
# every hash that the library knows; it knows SHA-1, and decrypts such files.
#
# What happens: a file holds the hash of its verifier padded to whole blocks of the cipher. SHA-512,
# which newer versions of Office write, fills them, so that nothing is padded. Of SHA-1, which Office 2010
# writes, the library compares 20 bytes with the 32 that it has decrypted: never equal. Parameters that it
# makes itself are refused too.
#
# Why it matters: people are told that their password is wrong. Without `verify_password` the key is made
# all the same, and `decrypt` says by itself when what comes of it is no ZIP.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check msoffcrypto-tool==6.1.0
cat > "$folder/run.py" <<'PYTHON'
from msoffcrypto.method import ecma376_agile as agile

of_today = agile.ECMA376AgileCipherParams


class Of2010(of_today):
    def __init__(self):
        super().__init__()
        self.hashName, self.hashSize, self.keyBits = "SHA1", 20, 128


def is_right(parameters):
    agile.ECMA376AgileCipherParams = parameters
    info, _ = agile.ECMA376Agile.generate_encryption_parameters("secret", spin_count=1000)
    key = info.encryptedKey
    return agile.ECMA376Agile.verify_password(
        "secret",
        key.saltValue,
        key.hashName,
        info.encryptedVerifierHashInput,
        info.encryptedVerifierHashValue,
        info.spinCount,
        key.keyBits,
    )


found = {"SHA-512": is_right(of_today), "SHA-1": is_right(Of2010)}
for name, said in found.items():
    print(f"{name}: the right password is {'right' if said else 'wrong'}")
assert found == {"SHA-512": True, "SHA-1": False}
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
