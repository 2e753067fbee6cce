"""Finding by name: files of one's own, modules, and what is said of those that are missing or broken."""

import textwrap

import pytest

from lossland.elements import LOSSES, find, load_file

pytestmark = pytest.mark.usefixtures("registries")


def _write(path, body):
    path.write_text(textwrap.dedent(body))
    return str(path)


def test_a_file_is_imported_once(tmp_path):
    file = _write(
        tmp_path / "mine.py",
        """
        import lossland as ll
        @ll.margin_loss
        def from_a_file(margin):
            return 2.0 - margin
        """,
    )
    assert load_file(file) is load_file(file)
    assert float(find(LOSSES, f"{file}:from_a_file")(0.5)) == 1.5


def test_a_module_may_be_named_instead_of_a_file():
    assert find(LOSSES, "lossland.elements.losses:hinge") == LOSSES["hinge"]


def test_missing_files_and_modules_say_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*absent\.py"):
        find(LOSSES, f"{tmp_path}/absent.py:f")
    with pytest.raises(ValueError, match=r"No module 'no_such_module' can be imported .* path/to/file.py"):
        find(LOSSES, "no_such_module:f")


def test_a_file_that_fails_can_be_mended_and_loaded_again(tmp_path):
    file = _write(tmp_path / "broken.py", "raise RuntimeError('broken on purpose')")
    with pytest.raises(RuntimeError, match="broken on purpose"):
        load_file(file)
    _write(
        tmp_path / "broken.py",
        """
        import lossland as ll
        @ll.margin_loss
        def a_mended_loss(margin):
            return margin
        """,
    )
    assert float(find(LOSSES, f"{file}:a_mended_loss")(3.0)) == 3.0


def test_two_files_may_not_define_the_same_name(tmp_path):
    body = "import lossland as ll\n@ll.margin_loss\ndef a_shared_name(margin):\n    return margin\n"
    load_file(_write(tmp_path / "one.py", body))
    with pytest.raises(ValueError, match=r"one\.py:2 and again at .*two\.py:2"):
        load_file(_write(tmp_path / "two.py", body))


def test_a_file_that_has_changed_is_read_again(tmp_path, registries):
    body = "import lossland as ll\n@ll.margin_loss\ndef rewritten(margin):\n    return {} * margin\n"
    file = _write(tmp_path / "one.py", body.format("1.0"))
    load_file(file)
    assert float(LOSSES["rewritten"].function(2.0)) == 2.0
    _write(tmp_path / "one.py", "# one line more\n" + body.format("5.0"))
    load_file(file)
    assert float(LOSSES["rewritten"].function(2.0)) == 10.0
