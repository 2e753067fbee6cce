from lossland.core import _tables as tables


def test_forms_agree(capsys):
    made = tables.table("t", ("name", "value"), [("a|b", 0.5), (None, 1e-7)])
    assert tables.markdown(made).splitlines()[2] == "| a\\|b | 0.5 |"
    assert tables.delimited(made).splitlines() == ["name,value", "a|b,0.5", ",1e-07"]
    tables.show(made)
    assert "a|b" in capsys.readouterr().out


def test_brackets_are_text(capsys):
    """Rich would read [0, 1] as markup and drop it."""
    tables.show(tables.table("t", ("range",), [("[0, 1]",), ("[red]",)]))
    told = capsys.readouterr().out
    assert "[0, 1]" in told
    assert "[red]" in told


def test_markdown_shows_hostile_cells_as_text():
    cells = ("<script>alert(1)</script>", "a|b\\|c", "two\nlines\r\nthree", "&lt;b&gt; & c")
    line = tables.markdown(tables.table("t", ("<b>", "p", "q", "r"), [cells])).splitlines()
    assert line[0] == "| &lt;b&gt; | p | q | r |"
    assert line[2:] == [
        "| &lt;script&gt;alert(1)&lt;/script&gt; | a\\|b\\&#124;c | two lines three | &amp;lt;b&amp;gt; & c |"
    ]
