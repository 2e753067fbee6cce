"""Tables as people bring them: read as written by hand below, or refused with the place and the option that helps."""

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

from lossland.data import _table_files, load

EUROPEAN = "Größe;Gewicht;Klasse\n1,5;2,25;ja\n3,5;4,0;nein\n2;3,5;ja\n"
METRIC = [[1.5, 2.25], [3.5, 4.0], [2.0, 3.5]]
FRAME = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": [4, 5, 7], "t": ["x", "y", "x"]})
OF_FRAME = [[1.5, 4], [2.5, 5], [3.5, 7]]
PLAIN = [[1, 2], [3, 4]]
WORDS = "s,a,id,t\nf,1,u,0\nm,2,v,1\nf,3,w,0\n"


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


READ = {
    "index_as_a_word": ("1,0,5.5\n0,1,2.5\n1,1,3.5\n", {"label": "0"}, [[0, 5.5], [1, 2.5], [1, 3.5]]),
    "negative_index": ("1,0,5.5\n0,1,2.5\n", {"label": "-3"}, [[0, 5.5], [1, 2.5]]),
    "european": (EUROPEAN, {}, METRIC),
    "cp1252": (EUROPEAN.encode("cp1252"), {"encoding": "cp1252"}, METRIC),
    "utf8_mark": (EUROPEAN.encode("utf-8-sig"), {}, METRIC),
    "utf16": (EUROPEAN.encode("utf-16"), {}, METRIC),
    "utf16_without_mark": (EUROPEAN.encode("utf-16-be"), {"encoding": "utf-16-be"}, METRIC),
    "utf32": (EUROPEAN.encode("utf-32"), {}, METRIC),
    "first_line_of_excel": ("sep=;\n" + EUROPEAN, {}, METRIC),
    "windows_lines": (EUROPEAN.replace("\n", "\r\n"), {}, METRIC),
    "old_mac_lines": (EUROPEAN.replace("\n", "\r"), {}, METRIC),
    "trailing_separators": ("a;b;t;\n1;2;0;\n3;4;1;\n", {}, PLAIN),
    "trailing_below_the_header": ("a,b,t\n1,2,0,\n3,4,1,\n", {}, PLAIN),
    "trailing_in_the_header": ("a,b,t,\n1,2,0\n3,4,1\n", {}, PLAIN),
    "rows_of_separators": ("a;b;t\n1;2;0\n;;\n3;4;1\n;;\n", {}, PLAIN),
    "tabs": ("a\tb\tt\n1\t2\t0\n3\t4\t1\n", {}, PLAIN),
    "spaces": ("  1.0   2.0  0\n 3.0 4.0\t1 \n", {}, PLAIN),
    "pipes": ("a|b|t\n1|2|x\n3|4|y\n", {}, PLAIN),
    "a_separator_of_its_own": ("a~b~t\n1~2~0\n3~4~1\n", {"sep": "~"}, PLAIN),
    "decimal_commas_in_quotes": ('a,b,t\n"1,5",2,0\n"3,25",4,1\n', {}, [[1.5, 2], [3.25, 4]]),
    "three_decimals": ("a;b;t\n1,000;2;0\n3,500;4;1\n", {"decimal": ","}, [[1, 2], [3.5, 4]]),
    "minus_sign": ("a,b,t\n\u22121.5,2,0\n3,4,1\n", {}, [[-1.5, 2], [3, 4]]),
    "comments": ("# made\n# by\na,b,t\n1,2,0\n# middle\n3,4,1\n", {}, PLAIN),
    "names_in_a_comment": ("# a,b,t\n1,2,0\n3,4,1\n", {"label": "t"}, PLAIN),
    "other_comments": ("a,b,t\n1,2,0 // hm\n// all\n3,4,1\n", {"comment": "//"}, PLAIN),
    "index": (FRAME.to_csv(), {}, OF_FRAME),
    "index_twice": (pd.read_csv(io.StringIO(FRAME.to_csv())).to_csv(index=False), {}, OF_FRAME),
    "index_and_no_names": (pd.DataFrame([[1, 2, 0], [3, 4, 1]]).to_csv(), {}, PLAIN),
    "numbers_as_names": (pd.DataFrame(PLAIN).assign(t=[0, 1]).to_csv(index=False), {}, PLAIN),
    "numbers_as_names_said": ("0,1,2\n1,2,0\n3,4,1\n", {"header": True}, PLAIN),
    "named_index": ("k,b,t\nx,4,0\ny,5,1\n", {"index": "k"}, [[4], [5]]),
    "row_names_of_R": ('"a" "b" "t"\n"Mazda" 1 2 "x"\n"Audi" 3 4 "y"\n', {}, PLAIN),
    "truth": ("a,b,t\nTRUE,2,False\nfalse,4,True\n", {}, [[1, 2], [0, 4]]),
    "words_encoded": (WORDS, {"encode": "s", "drop": "id"}, [[1, 0, 1], [0, 1, 2], [1, 0, 3]]),
    "all_words_encoded": (WORDS, {"encode": "one_hot", "drop": ["id"]}, [[1, 0, 1], [0, 1, 2], [1, 0, 3]]),
    "words_only": ("p,x\ne,x\np,y\ne,y\n", {"label": 0, "encode": True}, [[1, 0], [1, 0], [0, 1], [0, 1]]),
    "none_is_a_class": ("a,t\n1,None\n2,mild\n", {"classes": ("None", "mild")}, [[1], [2]]),
    "separators_in_quotes": ('"a,b","c;d",t\n1,2,"x;y"\n3,4,"x,z"\n', {}, PLAIN),
    "spaces_behind_commas": ('a, "b", t\n1, 2, "no way"\n3, 4, yes\n', {}, PLAIN),
    "repeated_names": ("a,a,t\n1,2,0\n3,4,1\n", {}, PLAIN),
}


@pytest.mark.parametrize("name", READ)
def test_read_as_it_was_meant(tmp_path, name):
    content, options, inputs = READ[name]
    data = load(write(tmp_path, "brought.txt", content), **options)
    assert data.inputs.tolist() == inputs
    assert data.n == len(inputs)


@pytest.mark.parametrize("pack", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_packed_whole_and_cut_off(tmp_path, pack):
    ending, compress = pack
    packed = compress(FRAME.to_csv(index=False).encode() * 1)
    assert load(write(tmp_path, f"a.csv{ending}", packed)).inputs.tolist() == OF_FRAME
    assert load(write(tmp_path, "b.csv", packed)).inputs.tolist() == OF_FRAME
    with pytest.raises(ValueError, match=r"c\.csv.* broken or cut off"):
        load(write(tmp_path, f"c.csv{ending}", packed[:-12]))


def test_a_zip_holds_one_file(tmp_path):
    for names in (["a.csv"], ["a.csv", "b.csv"]):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name in names:
                archive.writestr(name, FRAME.to_csv(index=False))
        if len(names) == 1:
            assert load(tmp_path / "a.zip").inputs.tolist() == OF_FRAME
        else:
            with pytest.raises(ValueError, match=r"several files \(a\.csv, b\.csv\)"):
                load(tmp_path / "a.zip")


REFUSED = {
    "latin": (EUROPEAN.encode("latin-1"), {}, r"line 1: the byte 0xf6.*encoding='cp1252'"),
    "utf16_without_mark": (EUROPEAN.encode("utf-16-le"), {}, r"encoding='utf-16-le'"),
    "no_encoding": (EUROPEAN, {"encoding": "klingon"}, "no encoding 'klingon'"),
    "wrong_separator": (EUROPEAN, {"sep": ","}, r"line 2: it has 3 cells.*sep="),
    "long_separator": (EUROPEAN, {"sep": ";;"}, "must be one character"),
    "wrong_decimal": ("a;b;t\n1,5;2;0\n3;4;1\n", {"decimal": "."}, r"line 2, column 'a': '1,5'.*decimal="),
    "thousands": ('a,b,t\n"1,234",2,0\n"3,456",4,1\n', {}, r"line 2: '1,234'.*decimal=','"),
    "points_in_thousands": ("a;b;t\n1.234,5;2;0\n3,5;4;1\n", {}, r"'1\.234,5'.*groups of thousands"),
    "points_and_commas": ("a;b;t\n1,5;2.5;0\n3;4;1\n", {}, r"'2\.5' has a decimal point, but '1,5'"),
    "commas_for_both": ("x,t\n1,5,0\n2,5,1\n3,5,0\n", {}, r"line 2: it has 3 cells, but the first line has 2"),
    "percent": ("a,b,t\n50%,2,0\n3%,4,1\n", {}, r"'50%'.*without a unit"),
    "underscores": ("a,b,t\n1_000,2,0\n3,4,1\n", {}, "'1_000' is not a finite number"),
    "a_row_in_a_comment": ("a,b,t\n1,2,0\n#9,9,1\n3,4,1\n", {}, r"line 3 begins with '#' but has 3 cells.*comment="),
    "comments_only": ("# a\n# b\n", {}, "comments only"),
    "index_that_repeats": (FRAME.set_axis([0, 0, 1]).to_csv(), {}, "its values repeat.*index=True"),
    "index_without_names": ("".join(f"{k},{k % 3}.5,{k % 2}\n" for k in range(12)), {}, "counts the rows.*index=True"),
    "index_as_label": (FRAME.to_csv(), {"label": 0}, "the index of the rows"),
    "numbers_as_names": ("0,1,2\n1.5,2,0\n2.5,3,1\n", {}, r"line 1: 0, 1, 2 may be the names.*header=True"),
    "years_as_names": ("2019,2020\n1.5,0\n2.5,1\n1,1\n", {}, r"line 1 hold the names.*header=True"),
    "a_word_among_numbers": ("1,x,0\n2,3,1\n4,5,0\n", {}, r"line 1, column '1': 'x' is a word.*header=True"),
    "only_words": ("p,q\ne,x\np,z\n", {"label": 0, "encode": True}, "holds words only.*header=True"),
    "no_such_encode": (WORDS, {"encode": "sx"}, "no column 'sx' to encode. Did you mean 's'"),
    "words": (WORDS, {}, r"line 2, column 's': 'f'.*encode='s'.*drop='s'"),
    "missing_word": ("s,a,t\nf,1,0\n,2,1\n", {"encode": "s"}, r"line 3, column 's': the value is missing"),
    "none_as_a_label": ("a,t\n1,None\n2,mild\n", {}, r"line 2, column 't'.*classes=\('None', 'mild'\)"),
    "na_among_numbers": ("a,t\n1,0\n2,NA\n3,1\n", {}, "line 3, column 't': the value is missing"),
    "labels_elsewhere": ("target,a,b\n0,1,0\n1,2,1\n", {}, "in column 'target', or in the last, 'b'.*label="),
    "regression": ("a,t\n1,0.5\n2,1.5\n3,2.5\n", {}, r"column 't', the last; label="),
    "repeated_label": ("a,a,t\n1,2,0\n3,4,1\n", {"label": "a"}, "several columns are called 'a'"),
    "text_above": ("Report of May\n\na,b,t\n1,2,0\n3,4,1\n", {}, r"line 3: it has 3 cells, but the first line has 1"),
    "open_quote": ('a,b,t\n1,"2,0\n3,4,1\n', {}, r"line 2.*quote left open"),
    "null": ("a,b\0,t\n1,2,0\n", {}, "line 1: it holds null characters"),
    "html": ("<!DOCTYPE html><html>404", {}, "HTML page"),
    "json": ('[{"a": 1}]', {}, "JSON"),
    "lfs": ("version https://git-lfs.github.com/spec/v1\noid\n", {}, "Git LFS"),
    "no_format": ("1,2\n", {"format": "foo"}, "format='foo' is none of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_place_and_what_helps(tmp_path, name):
    content, options, said = REFUSED[name]
    with pytest.raises(ValueError, match=rf"(?s)brought\.txt.*{said}"):
        load(write(tmp_path, "brought.txt", content), **options)


@pytest.mark.parametrize("twist", ["", "a,b", "3,four,x,1\n", "1,2,x\n", '3,"4",x,1\n', "5,nan,x,1\n", "# 1,2,x,1\n"])
def test_a_large_text_is_read_like_a_small_one(tmp_path, monkeypatch, twist):
    rng = np.random.default_rng(0)
    rows = "".join(
        f"{a!r},{b!r},{'xy'[k % 2]},{k % 2}\n" for k, (a, b) in enumerate(rng.normal(size=(1500, 2)).tolist())
    )
    path = write(tmp_path, "brought.csv", f"a,b,w,t\n{rows}\n{twist}")
    outcomes = []
    for large in (10**9, 0):
        monkeypatch.setattr(_table_files, "LARGE", large)
        try:
            data = load(path, encode="w")
            outcomes.append((data.sha256, data.input_names, data.label_names))
        except ValueError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("write_frame", [pd.DataFrame.to_parquet, pd.DataFrame.to_feather])
def test_frames_of_many_types(tmp_path, write_frame):
    frame = FRAME.assign(
        kind=pd.Categorical(["u", "v", "u"]), many=pd.array([1, 2, 3], dtype="Int64"), t=[True, False, True]
    )
    write_frame(frame, tmp_path / "frame.bin")
    data = load(tmp_path / "frame.bin", encode="kind", label="t")
    assert data.input_names == ("a", "b", "kind=u", "kind=v", "many")
    assert data.inputs.tolist() == [[1.5, 4, 1, 0, 1], [2.5, 5, 0, 1, 2], [3.5, 7, 1, 0, 3]]
    assert data.labels.tolist() == [1, -1, 1]
    write_frame(frame.assign(kind=pd.to_datetime(["2020-01-01"] * 3)), tmp_path / "frame.bin")
    with pytest.raises(ValueError, match="column 'kind' holds values of type Timestamp"):
        load(tmp_path / "frame.bin", label="t")


def test_matrices(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 1.0]]))
    assert load(tmp_path / "a.npy").inputs.tolist() == PLAIN
    np.save(tmp_path / "a.npy", np.array([(1.0, "x"), (2.0, "y")], dtype=[("a", "f8"), ("t", "U1")]))
    assert load(tmp_path / "a.npy").input_names == ("a",)
    for array, said in ((np.zeros(3), r"shape \(3,\)"), (np.array([{}]), "Python objects")):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match=said):
            load(tmp_path / "a.npy")
