"""Atomic writing."""

import pytest

from resnet_helpers._files import write_atomically, write_text


def test_a_file_appears_whole_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_atomically(path, lambda beside: beside.write_text("whole"))
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_who_has_the_old_file_open_keeps_reading_it_whole(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with path.open() as reader:
        write_atomically(path, lambda beside: beside.write_text("new, and longer"))
        assert reader.read() == "old"
    assert path.read_text() == "new, and longer"


def test_a_failed_write_leaves_what_stood_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(beside):
        beside.write_text("ha")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.trouble("paths and letters")
def test_a_text_is_written_as_utf_8_whatever_the_machine_prefers(tmp_path):
    write_text(tmp_path / "new" / "file.txt", "3×3, γ = 0\n")
    assert (tmp_path / "new" / "file.txt").read_bytes() == "3×3, γ = 0\n".encode()
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]
