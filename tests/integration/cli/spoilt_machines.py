"""Settings, folders and disks with one thing wrong."""

from __future__ import annotations

from ilios.core import data_folder
from ilios.core.spare_file import SpareFile
from tests.integration.cli.cases import Case, seeded

ON_NFS = (
    "on_nfs() { mount -t tmpfs none /proc "
    '&& echo "nas:/x $1 nfs4 rw 0 0" > /proc/mounts; } && on_nfs'
)
"""As the kernel says it of a mount; of a server none is to be had."""

# --- settings ---


@seeded("settings", "WORKER_COUNT is '0'", "WORKER_COUNT=2")
def a_number_out_of_range(case: Case) -> None:
    case.operator.variables["WORKER_COUNT"] = "0"


@seeded("settings", "PRICE_BOOK is 'cheap'", "mistral-ocr-2512=2/3")
def a_malformed_price_book(case: Case) -> None:
    case.operator.variables["PRICE_BOOK"] = "cheap"


@seeded("settings", "S3_BUCKET and AWS_ACCESS_KEY_ID are set without", "Set all three")
def half_set_s3(case: Case) -> None:
    case.operator.variables |= {"S3_BUCKET": "documents", "AWS_ACCESS_KEY_ID": "tid_x"}


@seeded("settings", "DB_ENCRYPTION_KEY is set", "encrypt the volume instead")
def a_variable_of_the_predecessor(case: Case) -> None:
    case.operator.variables["DB_ENCRYPTION_KEY"] = "x"


# --- the data folder ---


@seeded("data folder", "cannot read and write", "chown -R")
def a_folder_that_cannot_be_written(case: Case) -> None:
    case.folder.chmod(0o500)
    case.stack.callback(case.folder.chmod, 0o700)


@seeded("data folder", "cannot read and write", "chown -R")
def an_objects_folder_of_somebody_else(case: Case) -> None:
    objects = data_folder.objects(case.operator.settings)
    objects.chmod(0o000)
    case.stack.callback(objects.chmod, 0o700)


@seeded("data folder", "cannot be made in", "Make it and give it to user")
def a_folder_that_cannot_be_made(case: Case) -> None:
    parent = case.folder.parent / "closed"
    parent.mkdir(mode=0o500)
    case.change(data_dir=parent / "data")


@seeded("data folder", "is not a folder", "Set DATA_DIR to a folder")
def a_folder_that_is_a_file(case: Case) -> None:
    file = case.folder.parent / "file"
    file.touch()
    case.change(data_dir=file, local_db_path=case.database)


@seeded("data folder", "bytes too long for a socket", "DATA_DIR=/data")
def a_folder_with_a_long_name(case: Case) -> None:
    case.change(data_dir=case.folder.parent / ("long" * 30))


@seeded("data folder", "Every user of this machine can write", "chmod o-w", "warning")
def a_folder_that_is_open_to_all(case: Case) -> None:
    case.folder.chmod(0o777)


@seeded("data folder", "is mounted read-only", "so that it can be written")
def a_volume_that_is_mounted_read_only(case: Case) -> None:
    case.mount('mount --bind "$1" "$1" && mount -o remount,ro,bind', case.folder)


@seeded("data folder", "is missing", "Restart the service")
def an_answers_folder_that_is_missing(case: Case) -> None:
    data_folder.answers(case.operator.settings).rmdir()


@seeded("data folder", "is a file, where the service needs a folder", "Move it away")
def an_uploads_folder_that_is_a_file(case: Case) -> None:
    uploads = data_folder.uploads(case.operator.settings)
    uploads.rmdir()
    uploads.touch(0o600)


@seeded("data folder", "is a link to what is no folder", "remove the link")
def a_jobs_folder_that_is_a_dangling_link(case: Case) -> None:
    workspaces = data_folder.workspaces(case.operator.settings)
    workspaces.rmdir()
    workspaces.symlink_to("/nowhere/at/all")


@seeded("data folder", "cannot read and write", "chown -R")
def a_rates_folder_that_cannot_be_written(case: Case) -> None:
    rates = data_folder.request_rates(case.operator.settings)
    rates.chmod(0o500)
    case.stack.callback(rates.chmod, 0o700)


@seeded("data folder", "does not hold the id of this node", "Delete it: the next start")
def a_node_id_that_is_garbage(case: Case) -> None:
    data_folder.node_id_file(case.operator.settings).write_bytes(b"\xff\xfe\x00 not an id")


@seeded("data folder", "Other users of this machine may use", "chmod -R go-rwx", "warning")
def a_database_that_others_may_read(case: Case) -> None:
    case.database.chmod(0o644)


@seeded("free disk", "was given up for writes on a full disk", "Make room", "warning")
def a_spare_file_that_was_given_up(case: Case) -> None:
    SpareFile(case.database).path.touch(0o600)


@seeded("free disk", "is not a file", "Remove it")
def a_spare_file_that_is_a_folder(case: Case) -> None:
    SpareFile(case.database).path.mkdir(0o700)


@seeded("link-signing key", "is open to other users", "chmod 600")
def a_signing_key_that_others_may_read(case: Case) -> None:
    data_folder.signing_key(case.operator.settings).chmod(0o644)


@seeded("link-signing key", "does not hold a signing key", "Restore or delete it")
def a_signing_key_that_is_damaged(case: Case) -> None:
    data_folder.signing_key(case.operator.settings).write_text("half")


# --- the disk ---


@seeded("free disk", "nothing new is taken on", "enlarge the volume")
def a_disk_that_is_full(case: Case) -> None:
    case.mount("mount -t tmpfs -o size=16m none", case.folder)


@seeded("free disk", "more files can be made", "Delete files")
def a_disk_without_inodes(case: Case) -> None:
    case.mount("mount -t tmpfs -o size=3g,nr_inodes=500 none", case.folder)


@seeded(
    "file system", "a network file system (nfs4), where SQLite", "DATA_DIR to a folder on a disk"
)
def a_database_on_a_network_file_system(case: Case) -> None:
    case.mount(ON_NFS, case.folder)


@seeded("file system", "is gone with it", "Mount a volume", "warning")
def a_folder_in_memory(case: Case) -> None:
    case.mount("mount -t tmpfs -o size=3g,nr_inodes=100k none", case.folder)


@seeded("file system", "is not on the file system of", "Mount one volume at DATA_DIR")
def temporary_files_on_another_disk(case: Case) -> None:
    uploads = data_folder.uploads(case.operator.settings)
    case.mount("mount -t tmpfs -o size=3g none", uploads)
