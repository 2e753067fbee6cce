"""Bytes and text of a data file, whatever packed or encoded them; what is no data is told by its first bytes."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

PACKED = (".gz", ".bz2", ".xz", ".zip")
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
_KINDS = {
    b"\x93NUMPY": "npy",
    b"PAR1": "parquet",
    b"ARROW1": "feather",
    b"FEA1": "feather",
}
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save it as CSV",
    b"\x89HDF": "an HDF5 (or .nc, or .mat) file; save its arrays as .npz",
    b"MATLAB": "a MATLAB file; save its arrays as .npz",
    b"CDF": "a netCDF file; save its arrays as .npz",
    b"\x80\x04": "a Python pickle; save its arrays as .npz",
    b"\x80\x05": "a Python pickle; save its arrays as .npz",
    b"%PDF": "a PDF document",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it, or pack it by gzip",
    b"<!DOCTYPE": "an HTML page, not the data; download the file itself",
    b"<!doctype": "an HTML page, not the data; download the file itself",
    b"<html": "an HTML page, not the data; download the file itself",
    b"version https://git-lfs": "a pointer of Git LFS; `git lfs pull` brings the file",
    b"@relation": "an ARFF file; delete the lines before @data, and it is CSV",
    b"@RELATION": "an ARFF file; delete the lines before @data, and it is CSV",
    b'{"': "JSON; save it as CSV",
    b"[{": "JSON; save it as CSV",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked where gzip, bzip2, xz or zip packed it; known by the bytes, not by the ending.

    Raises:
        ValueError: if the file is empty, broken, or a zip of several files.
    """
    held = path.read_bytes()
    packer = _packer(held)
    if not packer and path.suffix.lower() in PACKED and held:
        raise ValueError(f"{path} cannot be read: it ends in {path.suffix}, but its bytes are not packed by that.")
    try:
        held = {"gzip": gzip.decompress, "bzip2": bz2.decompress, "xz": lzma.decompress}.get(packer, bytes)(held)
        name = _only_file(path, held) if packer == "zip" else ""
        held = zipfile.ZipFile(io.BytesIO(held)).read(name) if name else held
    except _Unread as error:
        raise ValueError(str(error)) from None
    except _BROKEN as error:
        raise ValueError(f"{path} cannot be read: it is packed by {packer} and broken or cut off ({error}).") from None
    if not held:
        raise ValueError(f"{path} is empty.")
    return held


def _packer(held: bytes) -> str:
    starts = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
    return next((name for start, name in starts.items() if held.startswith(start)), "")


class _Unread(Exception):
    """A zip that is read in no way."""


def _only_file(path: Path, held: bytes) -> str:
    """The name of the only file in a zip; "" of an .npz, a zip of arrays, which stays as it is."""
    with zipfile.ZipFile(io.BytesIO(held)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if not names or any(name.endswith(".npy") for name in names):
            return ""
        if "[Content_Types].xml" in names:
            raise _Unread(f"{path} is an Excel workbook (or another office document); save it as CSV.")
        if len(names) > 1:
            raise _Unread(f"{path} holds several files ({', '.join(names[:8])}); unpack it and give one of them.")
        return names[0]


def kind(path: Path, held: bytes) -> str:
    """The format that the first bytes show, "" if text; what is no table of data is refused by its name.

    Raises:
        ValueError: if the bytes are of a format that cannot be read.
    """
    if held.startswith(b"PK"):
        return "npz"
    for start, format in _KINDS.items():
        if held.startswith(start):
            return format
    for start, told in _FOREIGN.items():
        if held.lstrip()[: len(start)] == start:
            raise ValueError(f"{path} is {told}.")
    return ""


def decoded(path: Path, held: bytes, encoding: str = "") -> str:
    """The text of a file, its lines ended by a newline alone.

    Args:
        path: for messages.
        held: its bytes.
        encoding: a name that Python knows; by default what a byte order mark says, else UTF-8.

    Raises:
        ValueError: if the bytes are no such text; the message says in which line, and which option helps.
    """
    marked = next((name for mark, name in _MARKS.items() if held.startswith(mark)), "utf-8")
    try:
        text = held.decode(encoding or marked)
    except LookupError:
        raise ValueError(
            f"{path}: Python knows no encoding {encoding!r}; latin-1, cp1252 and utf-16 are some."
        ) from None
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        line = held.count(b"\n", 0, at) + 1
        likely = "'utf-16-le', 'utf-16-be'" if b"\0" in held else "'cp1252' (Windows, Western Europe), 'latin-1'"
        raise ValueError(
            f"{path}, line {line}: the byte {held[at] if at < len(held) else 0:#04x} is not {encoding or marked} text. "
            f"If this is text, say encoding={likely} or another (or --encoding)."
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(
            f"{path}, line {line}: it holds null characters: text of two bytes a character (say encoding='utf-16-le' "
            f"or 'utf-16-be', or --encoding) or no text at all."
        )
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
