#!/usr/bin/python3
"""What the program does on a terminal, and that it does nothing of it in a pipe: colors, a line of
progress, its width.

  cli_terminal_test.py BUILD_DIR
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import cli
from cli import FAILED, USAGE

FLIGHTS = os.path.join(cli.TESTDATA, "flights.ndjson")
RED, BOLD, RESET, REDRAW = "\x1b[31m", "\x1b[1m", "\x1b[0m", "\r\x1b[K"


class Terminal(cli.Case):
    def on_terminal(self, *arguments, code=cli.DONE, columns=100, **environment):
        """What a terminal gets from a command whose output and notes both go to it."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        env.update({"TERM": "xterm", **environment})
        process = subprocess.Popen([self.program, *arguments], cwd=self.dir, env=env,
                                   stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        text = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:  # nobody writes any more
                break
            if not more:
                break
            text += more
        os.close(ours)
        self.assertEqual(process.wait(), code, text.decode())
        return text.decode().replace("\r\n", "\n")

    def make_table(self):
        self.sluice("ingest", "--table", "demo.a", self.write("a.csv", "a\n1\n2\n"))

    def test_errors_are_red_and_headings_bold_on_a_terminal(self):
        self.make_table()
        text = self.on_terminal("query", "demo.b", code=FAILED)
        self.assertRegex(text, re.escape(RED) + r"sluice: .*demo\.b.*" + re.escape(RESET))
        text = self.on_terminal("tables", "--frobnicate", code=USAGE)
        self.assertTrue(text.startswith(RED), text)
        text = self.on_terminal("tables")
        self.assertTrue(text.startswith(BOLD + "table "), text)
        self.assertEqual(text.count(BOLD), 1)
        self.assertIn(BOLD + "segments" + RESET, self.on_terminal("inspect", "log"))

    def test_no_color_and_a_dumb_terminal_get_plain_text(self):
        self.make_table()
        for environment in [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}]:
            text = self.on_terminal("tables", **environment)
            self.assertNotIn("\x1b", text, environment)
        self.assertIn(BOLD, self.on_terminal("tables", NO_COLOR=""))
        self.assertNotIn("\x1b", self.on_terminal("tables", "--color", "never"))
        self.assertIn(BOLD, self.on_terminal("tables", "--color", "always", NO_COLOR="1"))

    def test_a_pipe_gets_plain_text_unless_asked_otherwise(self):
        self.make_table()
        env = {**os.environ, "TERM": "xterm"}
        env.pop("NO_COLOR", None)
        for arguments in [["tables"], ["inspect", "log"], ["verify"], ["query", "demo.a"]]:
            out, err = self.sluice(*arguments, env=env)
            self.assertNotIn("\x1b", out + err, arguments)
        out, _ = self.sluice("tables", "--color", "always", env=env)
        self.assertIn(BOLD, out)
        _, err = self.sluice("--color", "always", "query", "demo.b", code=FAILED, env=env)
        self.assertTrue(err.startswith(RED))

    def test_progress_is_one_line_that_fits_the_terminal(self):
        for columns in [100, 40]:
            table = f"demo.flights{columns}"
            text = self.on_terminal("ingest", "--table", table, "--rate", "20000", FLIGHTS,
                                    columns=columns)
            drawn = [line.split("\n")[0].split("\r")[0] for line in text.split(REDRAW)[1:]]
            drawn = [line for line in drawn if "flights.ndjson" in line and "%" in line]
            self.assertGreater(len(drawn), 1, text)
            for line in drawn:
                self.assertLess(len(line), columns)
                self.assertNotIn("\x1b", line)
            if columns == 100:
                self.assertRegex(drawn[-1], r"\d+% .* rows  [\d,]+ rows/s  .*B/s  ETA \d+ ")
            self.assertFalse(text.split("\n")[-1], "the line is gone at the end")

    def test_progress_is_silent_in_a_pipe_unless_asked_for(self):
        _, err = self.sluice("ingest", "--table", "demo.flights", "--rate", "15000", FLIGHTS)
        self.assertNotIn("rows/s", err)
        self.assertNotIn("\r", err)
        for command in ["verify", "flush"]:
            self.assertEqual(self.sluice(command)[1], "", command)
        _, err = self.sluice("verify", "--progress", "always")
        self.assertRegex(err, r"^sluice: verifying: .* parts, .* rows, 0 findings\n")
        self.assertNotIn("\x1b", err)
        _, err = self.sluice("flush", "--progress", "always")
        self.assertRegex(err, r"^sluice: (flushing|replaying the log): ")
        self.assertEqual(self.sluice("flush", "--progress", "never")[1], "")

    def test_a_name_cannot_reach_the_terminal(self):
        evil = self.write("\x1b[2Jevil.csv", "a\n1\n")
        text = self.on_terminal("ingest", "--table", "demo.a", evil)
        self.assertNotIn("\x1b[2J", text)


if __name__ == "__main__":
    cli.main()
