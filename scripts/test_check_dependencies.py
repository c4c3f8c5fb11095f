#!/usr/bin/env python3
"""Proves that check_dependencies.py fails on each kind of violation, and only on those."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import check_dependencies


def check(files: dict[str, str]) -> tuple[int, str]:
    """Runs the check over a tree made of these files; gives its exit status and complaints."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        complaints = io.StringIO()
        with mock.patch.object(sys, "argv", ["check_dependencies.py", "--root", folder]), \
                contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(complaints):
            status = check_dependencies.main()
        return status, complaints.getvalue()


class CheckDependencies(unittest.TestCase):
    def refused(self, files: dict[str, str], *expected: str):
        status, complaints = check(files)
        self.assertEqual(status, 1, complaints)
        self.assertEqual(len(complaints.splitlines()), 1, complaints)
        for text in expected:
            self.assertIn(text, complaints)

    def accepted(self, files: dict[str, str]):
        status, complaints = check(files)
        self.assertEqual((status, complaints), (0, ""))

    def test_downward_arrows_are_fine(self):
        self.accepted({
            "src/base/a.hpp": "#include <vector>\n",
            "src/stun/b.hpp": '#include "base/a.hpp"\n',
            "src/io/c.cc": '#include <boost/beast.hpp>\n#include "stun/b.hpp"\n',
            "apps/main.cc": '#include <thread>\n#include "stun/b.hpp"\n',
        })

    def test_upward_arrow(self):
        self.refused({"src/base/a.hpp": '#include "stun/b.hpp"\n', "src/stun/b.hpp": ""},
                     "src/base/a.hpp:1", "upwards", "floor 1", "floor 3")

    def test_sideways_arrow(self):
        self.refused({"src/party/a.hpp": '\n#include "stun/b.hpp"\n', "src/stun/b.hpp": ""},
                     "src/party/a.hpp:2", "share floor 3")

    def test_only_local_mode_reaches_the_server(self):
        for module in ("server", "store"):
            with self.subTest(module):
                self.refused({"src/agent/agent.cc": f'#include "{module}/a.hpp"\n',
                              f"src/{module}/a.hpp": ""}, "src/agent/agent.cc:1", "local mode")
                self.accepted({"src/agent/local_server.cc": f'#include "{module}/a.hpp"\n',
                               f"src/{module}/a.hpp": ""})

    def test_apps_are_the_top(self):
        self.refused({"src/agent/a.hpp": '#include "../apps/b.hpp"\n', "apps/b.hpp": ""},
                     "src/agent/a.hpp:1")

    def test_circle_of_headers(self):
        self.refused({"src/base/a.hpp": '#include "base/b.hpp"\n',
                      "src/base/b.hpp": '#include "base/a.hpp"\n'}, "circle")

    def test_what_core_may_not_include(self):
        for header in ("boost/asio.hpp", "boost/asio/ip/tcp.hpp", "thread", "mutex", "iostream",
                       "fstream", "unistd.h", "sys/socket.h", "netinet/in.h", "spdlog/spdlog.h",
                       "fmt/format.h", "boost/json.hpp", "boost/container/flat_map.hpp", "time.h"):
            with self.subTest(header):
                self.refused({"src/party/a.cc": f"#include <{header}>\n"}, f"<{header}>")
                if not header.startswith("boost/c"):
                    self.accepted({"src/agent/a.cc": f"#include <{header}>\n"})

    def test_protocol_may_use_json(self):
        self.accepted({"src/protocol/a.cc": "#include <boost/json.hpp>\n"})

    def test_beast_only_in_io(self):
        for module in ("server", "agent", "protocol"):
            with self.subTest(module):
                self.refused({f"src/{module}/a.cc": "#include <boost/beast/http.hpp>\n"}, "Beast")

    def test_openssl_and_sqlite_have_their_places(self):
        self.refused({"src/server/a.cc": "#include <openssl/ssl.h>\n"}, "OpenSSL")
        self.refused({"src/server/a.cc": "#include <sqlite3.h>\n"}, "Store")
        self.accepted({"src/crypto/a.cc": "#include <openssl/evp.h>\n",
                       "src/store/sqlite/b.cc": "#include <sqlite3.h>\n"})

    def test_core_asks_no_clock(self):
        self.refused({"src/path/a.cc": "\nauto t = std::chrono::steady_clock::now();\n"},
                     "src/path/a.cc:2", "told the time")
        self.accepted({"src/agent/a.cc": "auto t = std::chrono::steady_clock::now();\n"})

    def test_core_asks_no_dice(self):
        self.refused({"src/path/a.cc": "int x = rand();\n"}, "lanrage::Random")

    def test_comments_and_texts_are_no_code(self):
        self.refused({"src/path/a.cc": "char quote = '\"';\nint x = rand();\n// \"\n"}, "a.cc:2")
        self.accepted({"src/path/a.cc": '// never ::now()\nauto s = "::now()"; /* rand() */\n'})

    def test_long_file(self):
        self.refused({"src/agent/a.cc": "\n" * 501}, "501 lines")
        self.accepted({"src/agent/a.cc": "\n" * 500})

    def test_relative_and_missing_includes(self):
        self.refused({"src/base/a.cc": '#include "a.hpp"\n', "src/base/a.hpp": ""}, '"a.hpp"')
        self.refused({"src/base/a.cc": '#include "base/gone.hpp"\n'}, "gone.hpp")

    def test_folder_without_floor(self):
        self.refused({"src/utility/a.cc": ""}, "no floor")

    def test_detached_thread(self):
        self.refused({"src/agent/a.cc": "thread.detach();\n"}, "owner")


if __name__ == "__main__":
    unittest.main()
