"""Folders and disks: whether a library may lie there. A database must not lie where others write, or half arrives.

Tried on Linux; what is said of Windows and macOS follows their documentation and is untested.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from desktop.errors import UserError

ROOM = 200 << 20  # bytes that must stay free on the disk
_NETWORK = frozenset((
    "acfs", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.beegfs", "fuse.ceph",
    "fuse.curlftpfs", "fuse.davfs", "fuse.davfs2", "fuse.glusterfs", "fuse.google-drive-ocamlfuse", "fuse.gvfsd-fuse",
    "fuse.kio-fuse", "fuse.onedriver", "fuse.rclone", "fuse.s3fs", "fuse.seadrive", "fuse.smbnetfs", "fuse.sshfs",
    "fuse.vmhgfs-fuse", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "orangefs", "prl_fs", "pvfs2",
    "smb2", "smb3", "smbfs", "vboxsf", "webdav"))
# what a folder of a sync program is called (lower case, from its beginning), and what the program is called
_CLOUD_NAMES = (
    (r"dropbox( \(.*\))?$", "Dropbox"), (r"onedrive( - .*|-.*)?$", "OneDrive"),
    (r"google ?drive( .*|-.*)?$", "Google Drive"), (r"my drive$", "Google Drive"), (r"icloud ?drive$", "iCloud"),
    (r"mobile documents$", "iCloud"), (r"com~apple~clouddocs$", "iCloud"), (r"cloudstorage$", "a cloud service"),
    (r"nextcloud\d*$", "Nextcloud"), (r"owncloud\d*$", "ownCloud"), (r"pcloud ?drive$|pcloudsync$", "pCloud"),
    (r"mega(sync)?( uploads)?$", "MEGA"), (r"box sync$|box-box$", "Box"), (r"proton ?drive", "Proton Drive"),
    (r"synologydrive$|synology drive$", "Synology Drive"), (r"seafile$|seadrive", "Seafile"), (r"tresorit", "Tresorit"),
    (r"yandex\.?disk$", "Yandex Disk"), (r"kdrive$", "kDrive"), (r"spideroak hive$", "SpiderOak"),
    (r"magentacloud$", "MagentaCLOUD"), (r"hidrive$", "HiDrive"), (r"creative cloud files", "Creative Cloud"))
# what a sync program leaves in the folder it keeps in sync
_CLOUD_MARKS = {".dropbox.cache": "Dropbox", ".stfolder": "Syncthing",
                ".owncloudsync.log": "Nextcloud", ".nextcloudsync.log": "Nextcloud", ".tmp.driveupload": "Google Drive",
                ".tmp.drivedownload": "Google Drive", ".849c9593-d756-4e56-8d6e-42412f2a707b": "OneDrive",
                ".seafile-data": "Seafile", ".synologyworkingdirectory": "Synology Drive"}
_SYNC_DATABASE = re.compile(r"\.?_?sync_[0-9a-f]{8,}\.db$")  # of the clients of Nextcloud and ownCloud


@dataclass(frozen=True)
class Place:
    """What is known of a folder, be it there or not yet."""

    folder: Path  # without links
    cloud: str  # the service that keeps it in sync; "" when none is known
    network: str  # the kind of network disk; "" when it is a disk of this computer
    is_removable: bool
    is_writable: bool
    free: int  # bytes


def look(folder: Path, mounts: str | None = None) -> Place:
    """What is known of `folder`. `mounts` is what Linux says is mounted (/proc/self/mountinfo)."""
    resolved = _resolved(folder)
    there = _existing(resolved)
    kind, is_removable = _disk(there, mounts)
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = 0
    return Place(resolved, _cloud(folder) or _cloud(resolved), kind, is_removable, _is_writable(there), free)


def require_local(folder: Path, mounts: str | None = None) -> Place:
    """Raises UserError when the folder is kept in sync by a cloud or lies on a network disk; else what is known."""
    place = look(folder, mounts)
    if place.cloud:
        raise UserError(
            "{folder} is kept in sync by {service}. It would send your recordings to other computers, and copying the "
            "library while it is being written can damage it. Choose a folder that is not kept in sync.",
            folder=folder, service=place.cloud)
    if place.network:
        raise UserError(
            "{folder} lies on a network disk ({kind}). When the connection breaks in the middle of writing, the "
            "library can be damaged. Choose a folder on a disk of this computer.", folder=folder, kind=place.network)
    return place


def require_fit(folder: Path, needed: int, present: Path, mounts: str | None = None) -> Place:
    """Raises UserError when the library of `present`, of `needed` bytes (0: it is only renamed), cannot be moved to
    `folder`, and why."""
    new, old = _resolved(folder), _resolved(present)
    if new == old:
        raise UserError("The library lies in {folder} already.", folder=folder)
    if old in new.parents:
        raise UserError("{folder} lies inside the present library. Choose a folder outside of it.", folder=folder)
    if folder.exists() and not is_empty(folder):
        raise UserError("{folder} is not empty. Choose an empty folder or make a new one, so that nothing gets mixed "
                        "up.", folder=folder)
    place = require_local(folder, mounts)
    if not place.is_writable:
        raise UserError("Nothing can be written to {folder}: it is for reading only, or belongs to somebody else. "
                        "Choose another folder.", folder=folder)
    if place.free < needed + ROOM:
        raise UserError("There is not enough room in {folder}: the library needs {needed}, and {free} are free. Make "
                        "room or choose another disk.", folder=folder, needed=size_text(needed + ROOM),
                        free=size_text(place.free))
    return place


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing; one that cannot be read does not count as empty."""
    try:
        return folder.is_dir() and not any(folder.iterdir())
    except OSError:
        return False


def is_same_disk(one: Path, other: Path) -> bool:
    """Whether both folders lie, or would lie, in the same file system."""
    try:
        return _existing(one.absolute()).stat().st_dev == _existing(other.absolute()).stat().st_dev
    except OSError:
        return False


def size_text(count: int) -> str:
    """Bytes for people."""
    size = float(count)
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB" if size < 1000 else f"{size / 1000:.1f} TB"


def _resolved(folder: Path) -> Path:
    try:
        return folder.resolve()  # on Windows the letter of a network disk becomes its \\server\share
    except (OSError, RuntimeError):
        return folder.absolute()


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((place for place in (folder, *folder.parents) if place.is_dir()), Path(folder.anchor or "."))


def _is_writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


# -- clouds ----------------------------------------------------------------------------------------------------


def _cloud(folder: Path) -> str:
    for known, service in _cloud_folders():
        if folder == known or known in folder.parents:
            return service
    for part in folder.parts:
        for pattern, service in _CLOUD_NAMES:
            if re.match(pattern, part.lower()):
                return service
    return next((service for place in (folder, *folder.parents) if (service := _mark_in(place))), "")


def _mark_in(folder: Path) -> str:
    if len(folder.parts) <= 2:  # the system's own folders are not kept in sync
        return ""
    try:
        names = [entry.name.lower() for entry in os.scandir(folder)]
    except OSError:
        return ""
    if (folder / ".dropbox").is_file():  # the folder of this name in one's home is where its settings are
        return "Dropbox"
    marks = (_CLOUD_MARKS.get(name) or ("Nextcloud" if _SYNC_DATABASE.match(name) else "") for name in names)
    return next((mark for mark in marks if mark), "")


def _cloud_folders() -> Iterator[tuple[Path, str]]:
    """The folders that sync programs name themselves."""
    for name in ("OneDrive", "OneDriveCommercial", "OneDriveConsumer"):
        if path := os.environ.get(name):
            yield Path(path), "OneDrive"
    for base in (Path.home() / ".dropbox", Path(os.environ.get("APPDATA", "/nowhere")) / "Dropbox",
                 Path(os.environ.get("LOCALAPPDATA", "/nowhere")) / "Dropbox"):
        try:
            accounts = json.loads((base / "info.json").read_text("utf-8"))
            yield from ((Path(account["path"]), "Dropbox") for account in accounts.values())
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue


# -- disks -----------------------------------------------------------------------------------------------------


def _disk(folder: Path, mounts: str | None) -> tuple[str, bool]:
    """The kind of network disk ("" for one of this computer), and whether it can be pulled out."""
    if mounts is not None or sys.platform == "linux":
        return _linux_disk(folder, mounts)
    if str(folder).startswith(("\\\\", "//")):
        return "Windows share", False
    if sys.platform == "darwin":
        return _mac_disk(folder)
    return "", False


def _linux_disk(folder: Path, mounts: str | None) -> tuple[str, bool]:
    try:
        text = mounts if mounts is not None else Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return "", False
    best, kind, device = -1, "", ""
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 10 or "-" not in fields[6:]:
            continue
        point, end = Path(_unescaped(fields[4])), fields.index("-", 6)
        if (point == folder or point in folder.parents) and len(point.parts) >= best:  # the last one lies on top
            best, device = len(point.parts), fields[2]
            name, source = fields[end + 1].lower(), fields[end + 2]
            kind = name if name in _NETWORK or (name.startswith("fuse") and "://" in source) else ""
    return kind, _is_pulled_out(folder, device)


def _unescaped(text: str) -> str:
    """Mount points are written with blanks as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _is_pulled_out(folder: Path, device: str) -> bool:
    if folder.parts[1:2] == ("media",) or folder.parts[1:3] == ("run", "media"):
        return True
    block = Path("/sys/dev/block", device).resolve()
    if "/usb" in str(block):
        return True
    try:
        return any((place / "removable").read_text().strip() == "1" for place in (block, block.parent)
                   if (place / "removable").is_file())
    except OSError:
        return False


def _mac_disk(folder: Path) -> tuple[str, bool]:
    """By statfs: the name of the file system, and the flag that it is local (sys/mount.h). Untested."""
    try:
        libc = ctypes.CDLL(None)
        call = getattr(libc, "statfs$INODE64", None) or libc.statfs
        buffer = ctypes.create_string_buffer(4096)
        if call(os.fsencode(folder), buffer) != 0:
            return "", False
    except (OSError, AttributeError):
        return "", False
    is_local = int.from_bytes(buffer.raw[64:68], sys.byteorder) & 0x1000
    name = buffer.raw[72:88].split(b"\0")[0].decode("ascii", "replace")
    return ("" if is_local else name or "unknown"), str(folder).startswith("/Volumes/")
