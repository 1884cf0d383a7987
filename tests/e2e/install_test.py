"""Another program finds the installed library, links it and runs, wherever the installation was
moved to. Also: Sluice as a part of another CMake project leaves that project alone."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = os.path.join(SOURCE, "examples/embed")
ANSWER = "2 rows, at most 21.5\n"


def run(*words, **environment):
    return subprocess.run(words, capture_output=True, text=True, check=False,
                          env={**os.environ, **environment})


def must(*words, **environment):
    """Standard output of a command that has to succeed."""
    done = run(*words, **environment)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def files_under(folder):
    return sorted(os.path.relpath(os.path.join(place, name), folder)
                  for place, _, names in os.walk(folder) for name in names)


class Install(unittest.TestCase):
    build = ""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="sluice-install-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        must("cmake", "--install", cls.build, "--prefix", "/opt/sluice",
             DESTDIR=os.path.join(cls.dir, "stage"))
        cls.prefix = os.path.join(cls.dir, "moved")
        os.rename(os.path.join(cls.dir, "stage/opt/sluice"), cls.prefix)

    def setUp(self):
        self.place = os.path.join(self.dir, self._testMethodName)
        os.makedirs(self.place)

    def configure(self, project):
        return run("cmake", "-S", project, "-B", self.place, "-G", "Ninja",
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")

    def project(self, *lines):
        """A project of these lines and the example's main.cc."""
        folder = os.path.join(self.place, "project")
        os.makedirs(folder)
        shutil.copy(os.path.join(EXAMPLE, "main.cc"), folder)
        with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write("\n".join(["cmake_minimum_required(VERSION 3.25)",
                                  "project(outside LANGUAGES CXX)", *lines, ""]))
        return folder

    def answer_of(self, program):
        return must(program, os.path.join(self.place, "sluice-data"))

    def test_holds_the_public_headers_two_archives_and_the_program(self):
        found = files_under(self.prefix)
        public = files_under(os.path.join(SOURCE, "include/sluice"))
        self.assertEqual([name for name in found if name.endswith(".h")],
                         [f"include/sluice/{name}" for name in public])
        self.assertEqual([os.path.basename(name) for name in found if name.endswith(".a")],
                         ["libsluice.a", "libsluice_wal.a"])
        version = must(os.path.join(self.prefix, "bin/sluice"), "--version").split("\n")
        self.assertEqual(version[0], "sluice " + self.pkg_config("--modversion"))

    def test_names_no_directory_of_the_build(self):
        for name in files_under(self.prefix):
            with open(os.path.join(self.prefix, name), "rb") as file:
                content = file.read()
            for folder in (SOURCE, os.path.abspath(self.build)):
                self.assertNotIn(folder.encode(), content, name)

    def test_is_found_by_cmake(self):
        configured = self.configure(EXAMPLE)
        self.assertEqual(configured.returncode, 0, configured.stderr)
        must("cmake", "--build", self.place)
        self.assertEqual(self.answer_of(os.path.join(self.place, "embed")), ANSWER)

    def test_refuses_who_asks_for_a_later_version(self):
        configured = self.configure(self.project("find_package(sluice 0.2 REQUIRED)"))
        self.assertNotEqual(configured.returncode, 0)
        self.assertIn("0.2", configured.stderr)

    def test_is_found_by_pkg_config(self):
        program = os.path.join(self.place, "embed")
        must("c++", "-std=c++20", os.path.join(EXAMPLE, "main.cc"), "-o", program,
             *self.pkg_config("--cflags", "--libs").split())
        self.assertEqual(self.answer_of(program), ANSWER)

    def test_gives_the_log_alone_to_cpp_and_to_c(self):
        for name, records in (("wal", "400 records"), ("wal_c", "3 third")):
            self.place = os.path.join(self.dir, "alone_" + name)
            configured = self.configure(os.path.join(SOURCE, "examples", name))
            self.assertEqual(configured.returncode, 0, configured.stderr)
            must("cmake", "--build", self.place)
            log = os.path.join(self.place, "log")
            os.makedirs(log)
            program = os.path.join(self.place, name)
            self.assertIn(records, must(program, log))
            needed = must("ldd", program)
            for library in ("curl", "zstd", "simdjson", "pugixml"):
                self.assertNotIn(library, needed)

    def test_gives_the_log_alone_to_pkg_config(self):
        program = os.path.join(self.place, "wal_c")
        source = os.path.join(SOURCE, "examples/wal_c/main.c")
        must("cc", source, "-o", program,
             *self.pkg_config("--cflags", "--libs", package="sluice_wal").split(), "-lstdc++",
             "-lm")
        self.assertIn("3 third", must(program, self.place))

    def pkg_config(self, *asked, package="sluice"):
        folders = {os.path.dirname(name) for name in files_under(self.prefix)
                   if name.endswith(".pc")}
        path = os.pathsep.join(os.path.join(self.prefix, folder) for folder in folders)
        return must("pkg-config", *asked, package, PKG_CONFIG_PATH=path).strip()

    def test_is_added_to_a_project_without_touching_it(self):
        configured = self.configure(self.project(
            f"add_subdirectory({SOURCE} sluice)",
            "enable_testing()",
            "add_executable(outside main.cc)",
            "target_link_libraries(outside PRIVATE sluice::sluice)"))
        self.assertEqual(configured.returncode, 0, configured.stderr)
        with open(os.path.join(self.place, "compile_commands.json"), encoding="utf-8") as file:
            commands = {entry["file"]: entry["command"] for entry in json.load(file)}
        ours = commands[os.path.join(self.place, "project/main.cc")].split()
        flags = [word for word in ours if word.startswith(("-W", "-m", "-f", "-I", "-isystem"))]
        self.assertEqual(flags, [f"-I{SOURCE}/include"])
        self.assertFalse([file for file in commands
                          if file.startswith((f"{SOURCE}/tests", f"{SOURCE}/sim",
                                              f"{SOURCE}/src/cli", f"{SOURCE}/bench"))])
        self.assertIn("Total Tests: 0", must("ctest", "--test-dir", self.place, "-N"))
        must("cmake", "--build", self.place, "--target", "CMakeFiles/outside.dir/main.cc.o")


if __name__ == "__main__":
    Install.build = sys.argv.pop(1)
    unittest.main(verbosity=2)
