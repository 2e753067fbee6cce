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
