"""Where a library may lie: clouds, network disks, full and foreign folders are refused, each with its reason."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from desktop import paths
from desktop.errors import LibraryError, UserError
from desktop.places import ROOM, is_empty, look, require_fit, require_local, size_text

LOCAL = "25 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"


def mounted(point: Path, kind: str, source: str = "server:/share", device: str = "0:77") -> str:
    """A line as /proc/self/mountinfo has it, with an optional field before the dash."""
    text = str(point).replace(" ", "\\040")
    return f"{LOCAL}99 25 {device} / {text} rw,nosuid shared:7 master:1 - {kind} {source} rw,vers=4.2\n"


@pytest.mark.parametrize("kind", ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.rclone", "davfs", "9p"))
def test_a_network_disk_is_refused_by_its_kind(tmp_path: Path, kind: str) -> None:
    disk = tmp_path / "my disk"
    disk.mkdir()
    if kind == "9p":  # how some sandboxes show this computer's own disk
        assert require_local(disk / "library", mounted(disk, kind)).network == ""
        return
    with pytest.raises(UserError, match=f"network disk \\({kind}\\)"):
        require_local(disk / "library", mounted(disk, kind))


@pytest.mark.parametrize(("kind", "source"), [("fuse", "https://cloud.example/dav"), ("fuse", "sftp://host/x")])
def test_a_network_disk_behind_a_plain_fuse_is_known_by_its_source(tmp_path: Path, kind: str, source: str) -> None:
    with pytest.raises(UserError, match="network disk"):
        require_local(tmp_path / "library", mounted(tmp_path, kind, source))


@pytest.mark.parametrize("kind", ("ext4", "btrfs", "fuseblk", "exfat", "overlay", "tmpfs", "fuse.gocryptfs"))
def test_a_disk_of_this_computer_is_fine(tmp_path: Path, kind: str) -> None:
    assert require_local(tmp_path / "library", mounted(tmp_path, kind, "/dev/sdb1")).network == ""


def test_the_mount_that_lies_on_top_counts(tmp_path: Path) -> None:
    inner = tmp_path / "disk"
    inner.mkdir()
    both = mounted(tmp_path, "nfs4") + mounted(inner, "ext4", "/dev/sdb1").removeprefix(LOCAL)
    assert look(inner, both).network == "" and look(tmp_path, both).network == "nfs4"
    assert look(tmp_path / "disk two", both).network == "nfs4"  # a name that only begins alike is not below it
    over = mounted(inner, "ext4", "/dev/sdb1") + mounted(inner, "cifs").removeprefix(LOCAL)
    assert look(inner, over).network == "cifs"


def test_nonsense_in_the_list_of_mounts_is_left_out(tmp_path: Path) -> None:
    assert look(tmp_path, "what\n\n1 2 3\n" + LOCAL + "1 2 8:1 / / rw shared:1 ext4 /dev/sda1 rw\n").network == ""


def test_this_computers_own_list_of_mounts_is_read(tmp_path: Path) -> None:
    place = look(tmp_path)
    assert (place.cloud, place.network) == ("", "") and place.is_writable and place.free > 0


@pytest.mark.parametrize(("name", "service"), [
    ("Dropbox", "Dropbox"), ("Dropbox (The Paper)", "Dropbox"), ("OneDrive - The Paper", "OneDrive"),
    ("Google Drive", "Google Drive"), ("GoogleDrive-me@example.org", "Google Drive"), ("My Drive", "Google Drive"),
    ("iCloud Drive", "iCloud"), ("iCloudDrive", "iCloud"), ("com~apple~CloudDocs", "iCloud"),
    ("Nextcloud", "Nextcloud"), ("Nextcloud2", "Nextcloud"), ("ownCloud", "ownCloud"), ("MEGAsync", "MEGA"),
    ("CloudStorage", "a cloud service"), ("pCloudDrive", "pCloud"), ("Proton Drive", "Proton Drive")])
def test_a_folder_of_a_sync_program_is_refused_by_its_name(tmp_path: Path, name: str, service: str) -> None:
    with pytest.raises(UserError) as caught:
        require_local(tmp_path / name / "work" / "library", LOCAL)
    assert f"kept in sync by {service}" in caught.value.sentence


@pytest.mark.parametrize("name", ("Dropboxes", "MEGAphone interviews", "Box", "Sync", "drive", "cloud", "OneDriver"))
def test_a_name_that_only_sounds_like_it_is_fine(tmp_path: Path, name: str) -> None:
    assert require_local(tmp_path / name / "library", LOCAL).cloud == ""


@pytest.mark.parametrize(("mark", "service"), [
    (".dropbox", "Dropbox"), (".stfolder", "Syncthing"), ("._sync_0123456789ab.db", "Nextcloud"),
    (".sync_a1b2c3d4e5f6.db", "Nextcloud"), (".tmp.driveupload", "Google Drive")])
def test_a_folder_of_any_name_is_known_by_what_the_sync_program_left_in_it(tmp_path: Path, mark: str,
                                                                           service: str) -> None:
    (tmp_path / "shared" / "deep").mkdir(parents=True)
    (tmp_path / "shared" / mark).write_text("")
    assert look(tmp_path / "shared" / "deep" / "library", LOCAL).cloud == service
    assert look(tmp_path / "beside", LOCAL).cloud == ""


def test_the_settings_of_dropbox_in_ones_home_do_not_make_the_home_a_dropbox(tmp_path: Path,
                                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dropbox").mkdir()
    (tmp_path / ".dropbox" / "info.json").write_text(json.dumps({"personal": {"path": str(tmp_path / "Sync")}}))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert look(tmp_path / "library", LOCAL).cloud == ""
    assert look(tmp_path / "Sync" / "library", LOCAL).cloud == "Dropbox"


def test_a_link_into_a_synced_folder_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "Dropbox").mkdir()
    (tmp_path / "plain").symlink_to(tmp_path / "Dropbox")
    assert look(tmp_path / "plain" / "library", LOCAL).cloud == "Dropbox"


def test_where_onedrive_says_it_lies_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OneDrive", str(tmp_path / "Work"))
    assert look(tmp_path / "Work" / "library", LOCAL).cloud == "OneDrive"


def test_a_full_folder_a_present_one_and_one_inside_are_refused(tmp_path: Path) -> None:
    present = tmp_path / "data"
    (present / "recordings").mkdir(parents=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    for target, reason in ((present, "already"), (present / "recordings" / "x", "inside the present"),
                           (tmp_path / "full", "not empty"), (tmp_path / "full" / "letter.txt", "not empty")):
        with pytest.raises(UserError, match=reason):
            require_fit(target, 0, present, LOCAL)
    assert require_fit(tmp_path / "new" / "deep", 0, present, LOCAL).is_writable
    assert is_empty(tmp_path) is False


def test_a_disk_with_too_little_room_is_refused_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**9))
    assert require_fit(tmp_path / "new", 10**9 - ROOM, tmp_path / "data", LOCAL)
    with pytest.raises(UserError, match="not enough room"):
        require_fit(tmp_path / "new", 10**9 - ROOM + 1, tmp_path / "data", LOCAL)
    with pytest.raises(UserError, match=r"needs 2.2 GB, and 1.0 GB are free"):
        require_fit(tmp_path / "new", 2 * 10**9, tmp_path / "data", LOCAL)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="who may do everything is never refused")
def test_a_folder_for_reading_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(UserError, match="reading only"):
        require_fit(tmp_path / "locked", 0, tmp_path / "data", LOCAL)


def test_a_folder_in_which_no_file_can_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(UserError, match="reading only"):
        require_fit(tmp_path / "new", 0, tmp_path / "data", LOCAL)


def test_sizes_are_said_as_people_say_them() -> None:
    assert [size_text(n) for n in (0, 999, 1000, 12_300_000, 12_340_000_000, 2_500_000_000_000)] == [
        "0 bytes", "999 bytes", "1 KB", "12 MB", "12.3 GB", "2.5 TB"]


def test_a_library_that_was_moved_is_found_and_one_that_is_unplugged_is_not_replaced_by_an_empty_one(
        tmp_path: Path) -> None:
    assert paths.data_folder() == paths.usual_data_folder()
    disk = tmp_path / "disk" / "library"
    paths.choose_folder(disk)
    with pytest.raises(LibraryError, match="not there now"):
        paths.data_folder()
    assert not disk.exists()
    disk.mkdir(parents=True)
    with pytest.raises(LibraryError):
        paths.data_folder()  # the empty place where a disk is mounted is no library
    (disk / "library.db").write_bytes(b"")
    assert paths.data_folder() == disk
    paths.choose_folder(paths.usual_data_folder())
    assert paths.chosen_folders() == [] and paths.data_folder() == paths.usual_data_folder()


@pytest.mark.skipif(os.name != "posix", reason="such names exist on POSIX only")
def test_a_folder_whose_name_is_no_text_can_be_chosen(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"M\xe4rz")
    folder.mkdir()
    (folder / "library.db").write_bytes(b"")
    paths.choose_folder(folder)
    assert paths.data_folder() == folder
