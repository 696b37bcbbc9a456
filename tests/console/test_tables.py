from mnist_mlp.console.tables import plain_table, wide_console


def test_a_table_has_one_line_below_its_headings(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    table = plain_table("network", "seconds", title="How long it takes")
    table.add_row("784-30-10", "0.25")
    wide_console(60).print(table)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "How long it takes"
    assert [line for line in lines if set(line) == {"─"}] == [lines[3]]
    assert lines[4].split() == ["784-30-10", "0.25"]


def test_a_console_is_never_narrower_than_a_table_needs(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert wide_console(60).width == 200
    monkeypatch.setenv("COLUMNS", "20")
    assert wide_console(60).width == 60
