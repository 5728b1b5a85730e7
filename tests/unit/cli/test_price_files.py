"""Check of price files by command: a sentence for each file, JSON for scripts, and an exit code."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.command_line import Run

GOOD = "date;open;high;low;close;volume\n2014-06-05;10,5;12;9;11,5;7\n2014-06-06;10,5;12;9;11,5;7\n"


def test_a_folder_is_told_file_by_file_and_read_once(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "ACME.csv").write_text(GOOD)
    first = run("prices", "check", str(folder))
    assert first.code == 0
    assert "parted by semicolons  2014-06-05  2014-06-06  2" in first.out
    assert first.out.endswith("1 file: 1 used; 1 read anew\n")
    (folder / "BAD.csv").write_text(GOOD.replace("11,5", "15"))
    second = run("prices", "check", str(folder), "--json")
    assert second.code == 5
    assert second.err == "2 files: 1 used, 1 refused; 1 read anew\n"
    assert second.json["items"][1]["problem"] == "BAD.csv, line 2: close lies outside low to high"
    assert second.json["items"][0]["last_session"] == "2014-06-06"


def test_one_file_is_told_with_the_side_files_beside_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ACME.csv").write_text(GOOD)
    (tmp_path / "OTHER.csv").write_text("")
    (tmp_path / "instruments.csv").write_text("symbol,calendar\nACME,XNOPE\n")
    said = run("prices", "check", str(tmp_path / "ACME.csv"))
    assert (said.code, said.err) == (5, "1 file: 1 refused; 1 read anew\n")
    assert "instruments.csv, line 2: There is no exchange calendar 'XNOPE'" in said.out


def test_a_path_that_holds_no_prices_is_a_sentence(run: Run, tmp_path: Path) -> None:
    nothing = run("prices", "check")
    assert (nothing.code, nothing.err) == (2, "Say which file or folder to check, or set BA2_PRICES_DIR\n")
    gone = run("prices", "check", str(tmp_path / "gone.csv"))
    assert (gone.code, gone.err) == (4, f"There is no file or folder {tmp_path / 'gone.csv'}\n")
    (tmp_path / "notes.txt").write_text("")
    notes = run("prices", "check", str(tmp_path / "notes.txt"))
    assert notes.code == 2
    assert notes.err.startswith("notes.txt is no price file: its name has to be a symbol")
