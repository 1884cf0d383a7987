#!/usr/bin/python3
"""Records that are no rows: each is named with its place and its reason, and the others land.

  cli_bad_input_test.py BUILD_DIR
"""

import json

import cli
from cli import FAILED

GOOD = {"at": "2020-01-01T00:00:00Z", "n": 1, "x": 1.5, "s": "a", "b": True}
NAMES = list(GOOD)
KNOWN = json.dumps({**GOOD, "n": 0}) + "\n"

RAGGED = "the row has another number of fields than the header"
UTF8 = "the text is not UTF-8"
QUOTE = "a quote is misplaced or never closed"
KIND = "the value is of another kind than its column"
FRACTION = "a number with fraction or exponent in a long column"
RANGE = "the number is outside the range of its column"
MISSING = "a key or time column is missing"
NULL = "a key or time column has no value"
NO_JSON = "the JSON is not valid"
NO_OBJECT = "the record is not a JSON object"
TWICE = "the record names this column twice"
UNKNOWN = "the table has no such column"
DEEP = "the value is nested too deeply"
LONG = "the record is too long"

BAD_TIMES = {
    "2020-02-30": "no such",
    "2016-12-31T23:59:60Z": "leap second",
    "1677-09-21T00:12:43Z": "1677",
    "2262-04-11T23:47:17Z": "1677",
    "0001-01-01": "1677",
    "yesterday": "time",
}
ODD_TIMES = ["1969-12-31T23:59:59.999999999Z", "1677-09-21T00:12:44Z", "2262-04-11T23:47:16Z",
             "1900-02-28T00:00:00Z", "2016-12-31T23:59:59Z"]

BAD_CSV = [
    (b"2020-01-01,1", None, RAGGED),
    (b"2020-01-01,1,1.5,a,true,more", None, RAGGED),
    (b"2020-01-01,1,1.5,\xff,true", None, UTF8),
    (b"2020-01-01,1,1.5,\"a\"b,true", None, QUOTE),
    (b"2020-01-01,one,1.5,a,true", "n", KIND),
    (b"2020-01-01,1,1.5,a,maybe", "b", KIND),
    (b"2020-01-01,1.5,1.5,a,true", "n", FRACTION),
    (b"2020-01-01,9223372036854775808,1.5,a,true", "n", RANGE),
    (b"2020-01-01,1,1e999,a,true", "x", RANGE),
    (b",1,1.5,a,true", "at", NULL),
]
BAD_JSON = [
    (b"{\"at\":\"2020-01-01\",\"n\":1,\"n\":2}", "n", TWICE),
    (b"{\"at\":\"2020-01-01\",\"s\":\"\xff\"}", None, UTF8),
    (b"{\"at\":\"2020-01-01\",\"n\":\"1\"}", "n", KIND),
    (b"{\"at\":\"2020-01-01\",\"n\":1.5}", "n", FRACTION),
    (b"{\"at\":\"2020-01-01\",\"n\":-9223372036854775809}", "n", RANGE),
    (b"{\"at\":\"2020-01-01\",\"x\":1e999}", "x", RANGE),
    (b"{\"n\":1}", "at", MISSING),
    (b"{\"at\":null}", "at", NULL),
    (b"{\"at\":\"2020-01-01\"", None, NO_JSON),
    (b"{at:1}", None, NO_JSON),
    (b"[1]", None, NO_OBJECT),
    (b"17", None, NO_OBJECT),
]


def as_csv(row):
    return ",".join("" if row[name] is None else json.dumps(row[name]).strip('"')
                    for name in NAMES).encode()


class BadInput(cli.Case):
    def setUp(self):
        super().setUp()
        self.sluice("ingest", "--table", "demo.a", "--time", "at",
                    self.write("known.ndjson", KNOWN), "--quiet")

    def rejects(self, name):
        with open(self.path("sluice-data", "rejects", name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def assert_rejected(self, name, header, good, bad):
        """Each bad record stands behind a good one; the good ones land, the others are named."""
        text, expected = header, []
        for record, column, reason in bad:
            text += good + b"\n"
            expected.append({"line": text.count(b"\n") + 1, "offset": len(text), "column": column,
                             "text": record.decode(errors="replace"), "reason": reason})
            text += record + b"\n"
        path = self.write(name, text, "wb")
        before = self.count("demo.a")
        out, err = self.sluice("ingest", "--table", "demo.a", path, "--quiet")
        self.assertEqual(out, "")
        self.assertIn(f"{len(bad)} records of", err)
        self.assertIn(f"demo.a-{name}.ndjson; line {expected[0]['line']}: ", err)
        rejects = self.rejects(f"demo.a-{name}.ndjson")
        self.assertEqual([reject.pop("file") for reject in rejects], [path] * len(bad))
        for reject, wanted in zip(rejects, expected, strict=True):
            self.assertIn(wanted.pop("reason"), reject.pop("reason"))
            self.assertEqual(reject, wanted)
        self.assertEqual(self.count("demo.a"), before + len(bad))
        self.assertIn("ok", self.sluice("verify")[0])

    def test_csv_records_that_are_no_rows_are_named_and_the_others_land(self):
        times = [(f"{time},1,1.5,a,true".encode(), "at", reason)
                 for time, reason in BAD_TIMES.items()]
        self.assert_rejected("bad.csv", ",".join(NAMES).encode() + b"\n", as_csv(GOOD),
                             BAD_CSV + times)

    def test_json_records_that_are_no_rows_are_named_and_the_others_land(self):
        times = [(json.dumps({"at": time}).encode(), "at", reason)
                 for time, reason in BAD_TIMES.items()]
        self.assert_rejected("bad.ndjson", b"", json.dumps(GOOD).encode(), BAD_JSON + times)

    def test_points_that_are_no_rows_are_named_and_the_others_land(self):
        bad = [(b"m v=99999999999999999999i 1", "v", RANGE), (b"m v= 1", None, "key=value"),
               (b"m v=\"\xff\"", None, UTF8), (b"m v=2i 99999999999999999999", "time", "1677")]
        text = b"".join(b"m v=1i %d\n" % at + record + b"\n"
                        for at, (record, _, _) in enumerate(bad))
        path = self.write("bad.lp", text, "wb")
        self.sluice("ingest", "--table", "points", "--format", "lp", path)
        self.assertEqual(self.count("points.m"), len(bad))
        rejects = self.rejects("points-bad.lp.ndjson")
        for at, (reject, (record, column, reason)) in enumerate(zip(rejects, bad, strict=True)):
            self.assertEqual((reject["line"], reject["offset"], reject["column"], reject["text"]),
                             (2 * at + 2, text.index(record), column,
                              record.decode(errors="replace")))
            self.assertIn(reason, reject["reason"])

    def test_json_that_is_nested_deeply_is_named_wherever_it_is(self):
        deep = b"[" * 100_000 + b"]" * 100_000
        path = self.write("deep.ndjson", b"{\"s\":" + deep + b",\"at\":\"2020-01-01\"}\n" + deep +
                          b"\n" + KNOWN.encode(), "wb")
        self.sluice("ingest", "--table", "demo.a", path)
        rejects = self.rejects("demo.a-deep.ndjson.ndjson")
        self.assertEqual([reject["line"] for reject in rejects], [1, 2])
        self.assertLessEqual({reject["reason"] for reject in rejects}, {DEEP, KIND, NO_OBJECT})
        self.assertEqual([len(reject["text"]) for reject in rejects], [4096, 4096])
        self.assertEqual(self.count("demo.a"), 2)

    def test_columns_that_appear_behind_the_sample_are_named(self):
        known = json.dumps(GOOD).encode() + b"\n" + KNOWN.encode() * 9_999
        path = self.write("late.ndjson", known + b"{\"at\":\"2020-01-01\",\"late\":1}\n" +
                          KNOWN.encode(), "wb")
        self.sluice("ingest", "--table", "demo.a", path)
        reject, = self.rejects("demo.a-late.ndjson.ndjson")
        self.assertEqual((reject["line"], reject["column"], reject["reason"]),
                         (10_001, "late", UNKNOWN))
        self.assertEqual(self.count("demo.a"), 10_002)

    def test_columns_that_are_missing_are_null_but_for_key_and_time(self):
        self.sluice("ingest", "--table", "demo.a", self.write("a.csv", "at,n\n2021-01-01,5\n"))
        self.sluice("ingest", "--table", "demo.a",
                    self.write("b.ndjson", "{\"at\":\"2021-01-02\"}\n"))
        self.assertEqual([(row["n"], row["x"], row["s"]) for row in self.rows("demo.a")],
                         [(0, 1.5, "a"), (5, None, None), (None, None, None)])
        for name, text in [("c.csv", "n\n1\n"), ("d.ndjson", "{\"n\":1}\n")]:
            _, err = self.sluice("ingest", "--table", "demo.a", self.write(name, text), code=FAILED)
            self.assertIn("at", err)
            self.assertEqual(self.count("demo.a"), 3)

    def test_odd_times_marks_newlines_and_line_ends_are_taken_as_they_are(self):
        lines = [f"{time},1,1.5,\"line\n{time}, \"\"quoted\"\"\",true" for time in ODD_TIMES]
        self.sluice("ingest", "--table", "demo.a",
                    self.write("odd.csv", "\ufeff" + ",".join(NAMES) + "\r\n" +
                               "\r\n".join(lines)))
        rows = [{**GOOD, "at": time} for time in ODD_TIMES]
        self.sluice("ingest", "--table", "demo.a",
                    self.write("odd.ndjson", "\ufeff" + "\r\n \n".join(map(json.dumps, rows))))
        texts = [row["s"] for row in self.rows("demo.a", "--where", "s != 'a'")]
        self.assertEqual(sorted(texts), sorted(f"line\n{time}, \"quoted\"" for time in ODD_TIMES))
        self.assertEqual(sorted(row["at"] for row in self.rows("demo.a")),
                         sorted(2 * ODD_TIMES + [GOOD["at"]]))

    def test_a_quote_that_is_never_closed_costs_its_own_row_only(self):
        self.sluice("ingest", "--table", "demo.a",
                    self.write("open.csv", "at,s\n2021-01-01,\"open\n2021-01-02,b\n"))
        reject, = self.rejects("demo.a-open.csv.ndjson")
        self.assertEqual((reject["line"], reject["reason"]), (2, QUOTE))
        self.assertEqual(self.count("demo.a"), 2)

    def test_a_line_longer_than_64_mib_is_named_and_the_next_one_lands(self):
        for name, line in [("long.csv", b"at,s\n2021-01-01,%s\n2021-01-02,b\n"),
                           ("long.ndjson", b"{\"at\":\"2021-01-02\"}\n" +
                            b"{\"at\":\"2021-01-01\",\"s\":\"%s\"}\n")]:
            before = self.count("demo.a")
            path = self.write(name, line % (b"x" * (64 << 20)), "wb")
            self.sluice("ingest", "--table", "demo.a", path)
            reject, = self.rejects(f"demo.a-{name}.ndjson")
            self.assertEqual((reject["reason"], len(reject["text"])), (LONG, 4096))
            self.assertEqual(self.count("demo.a"), before + 1)

    def test_a_line_of_40_mb_lands(self):
        for name, line in [("long.csv", b"at,s\n2021-01-01,%s\n2021-01-02,b\n"),
                           ("long.ndjson", b"{\"at\":\"2021-01-02\"}\n" +
                            b"{\"at\":\"2021-01-01\",\"s\":\"%s\"}\n")]:
            before = self.count("demo.a")
            path = self.write(name, line % (b"x" * 40_000_000), "wb")
            self.sluice("ingest", "--table", "demo.a", path)
            self.assertEqual(self.count("demo.a"), before + 2)

    def test_a_first_line_beyond_the_sample_says_what_to_do(self):
        path = self.write("a.ndjson", b"{\"s\":\"%s\"}\n{\"at\":\"2021-01-02\"}\n" %
                          (b"x" * (9 << 20)), "wb")
        _, err = self.sluice("ingest", "--table", "demo.a", path, code=FAILED)
        self.assertRegex(err, r"longer than the 8 MiB .*; put a shorter one before it \[.*a.ndjson")

    def test_inputs_without_records_are_no_failure(self):
        for at, (name, text) in enumerate([
                ("a.csv", ""), ("b.csv", "\ufeff"), ("c.csv", "\n\r\n\n"), ("d.csv", "at,n\n"),
                ("e.ndjson", "\n \n"), ("f.json", "[]"), ("g.json", "\ufeff [ ]\n")]):
            with self.subTest(name=name, text=text):
                _, err = self.sluice("ingest", "--table", f"demo.empty{at}", "--time", "at",
                                     self.write(name, text))
                self.assertIn("holds no records", err)
        self.assertNotIn("demo.empty", self.sluice("tables")[0])

    def test_a_broken_array_names_where_it_breaks_and_keeps_the_other_records(self):
        row = json.dumps(GOOD)
        self.sluice("ingest", "--table", "demo.a",
                    self.write("a.json", f"[{row},{row}\n,{row} oops {row},\n{row}]"))
        self.sluice("ingest", "--table", "demo.a", self.write("b.json", f"[{row},\n{row},"))
        self.assertEqual([(reject["line"], reject["reason"])
                          for name in ["a", "b"]
                          for reject in self.rejects(f"demo.a-{name}.json.ndjson")],
                         [(2, NO_JSON), (2, NO_JSON)])
        self.assertEqual(self.count("demo.a"), 6)

    def test_a_key_that_no_record_has_is_named_and_nothing_is_made(self):
        for name, text in [("a.csv", "n\n1\n"), ("b.ndjson", "{\"n\":1}\n")]:
            _, err = self.sluice("ingest", "--table", "demo.new", "--key", "absent",
                                 self.write(name, text), code=FAILED)
            self.assertRegex(err, r"absent")
        self.assertNotIn("demo.new", self.sluice("tables")[0])


if __name__ == "__main__":
    cli.main()
