#!/usr/bin/env python3
"""Tests of tidy_batches.py."""

import unittest

from tidy_batches import LARGEST, batches, local_names

UNIT = """#include "x.hpp"

namespace lanrage::x {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using Seconds = std::chrono::seconds;
constexpr std::size_t kMost = 3;

enum class Mood { good };
struct Entry {
  int number = 0;
};

template <class T>
std::optional<T> first_of(const std::vector<T>& all) {
  return all.front();
}

void Outer::method() {}

}  // namespace

int shared() {
  return 1;
}

}  // namespace lanrage::x
"""


def unit_with(name: str, flags: str = "-O1") -> tuple[str, str]:
    return f"namespace {{\n\nconst int {name} = 1;\n\n}}  // namespace\n", flags


class LocalNames(unittest.TestCase):
    def test_only_what_anonymous_namespaces_declare(self):
        self.assertEqual(local_names(UNIT), {"Seconds", "kMost", "Mood", "Entry", "first_of"})


class Batches(unittest.TestCase):
    def test_no_two_of_a_name(self):
        units = {"a/1.cc": unit_with("kX"), "a/2.cc": unit_with("kX"), "a/3.cc": unit_with("kY")}
        self.assertEqual(batches(units), [["a/1.cc", "a/3.cc"], ["a/2.cc"]])

    def test_no_two_folders_or_flags(self):
        units = {"a/1.cc": unit_with("kX"), "b/2.cc": unit_with("kY"),
                 "a/3.cc": unit_with("kZ", "-O2")}
        self.assertEqual(sorted(batches(units)), [["a/1.cc"], ["a/3.cc"], ["b/2.cc"]])

    def test_none_too_large_and_none_lost(self):
        units = {f"a/{n}.cc": unit_with(f"k{n}") for n in range(2 * LARGEST + 1)}
        found = batches(units)
        self.assertEqual([len(batch) for batch in found], [LARGEST, LARGEST, 1])
        self.assertEqual(sorted(sum(found, [])), sorted(units))


if __name__ == "__main__":
    unittest.main()
