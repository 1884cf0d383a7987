"""laws.symbols: the library meets time, threads, chance and storage only through its seams.

Reads the object files of a build, so it also sees what a macro or a template brought in.
"""

import os
import re
import subprocess

from includes import PURE
from tree import Finding

C_FUNCTIONS = set("""
open open64 openat openat64 creat close read write pread pread64 pwrite pwrite64 readv writev
preadv preadv2 preadv64 pwritev pwritev2 pwritev64 lseek lseek64 fsync fdatasync sync syncfs
sync_file_range rename renameat renameat2 unlink unlinkat remove mkdir mkdirat rmdir link linkat
symlink truncate truncate64 ftruncate ftruncate64 fallocate fallocate64 posix_fallocate mmap mmap64
munmap msync stat stat64 fstat fstat64 lstat lstat64 opendir readdir readdir64 flock fcntl fcntl64
ioctl syscall fopen fopen64 fdopen freopen tmpfile popen system fork vfork execve execvp kill signal
sigaction socket connect bind listen accept accept4 send recv sendto recvfrom sendmsg recvmsg poll
select epoll_create epoll_create1 epoll_ctl epoll_wait eventfd clock clock_gettime gettimeofday time
timespec_get nanosleep clock_nanosleep usleep sleep localtime localtime_r mktime tzset sched_yield
getrandom getentropy rand srand rand_r random srandom drand48 lrand48 getenv secure_getenv setenv
__tls_get_addr
""".split())
PATTERNS = re.compile(
    r"""(pthread|sem|thrd|mtx|cnd)_\w+
    | (vtable|VTT|typeinfo)\ for\ std::(basic_)?[io]?(fstream|filebuf).*
    | std::(thread|jthread|this_thread|mutex|recursive_mutex|timed_mutex|shared_mutex
        |condition_variable|condition_variable_any|random_device|filesystem|__basic_file
        |basic_filebuf|basic_[io]?fstream|__future_base|counting_semaphore|latch|barrier)\b.*
    | std::chrono::.*::now\(\)
    | std::(__once_\w+|__throw_system_error.*_once.*)""",
    re.VERBOSE,
)
# Files that may, and why.
ALLOWED = {
    "src/engine/platform.cc": "joins the engine to the real disk, threads and clock",
    "src/wal/local.cc": "joins logs of their own to the real disk, threads and clock",
}


def check(tree, build):
    findings = []
    for folder in PURE:
        for path in tree.under(f"src/{folder}", suffix=(".cc",)):
            if path.endswith("_test.cc") or path in ALLOWED:
                continue
            thing = os.path.join(build, "CMakeFiles", f"sluice_{folder}.dir", path + ".o")
            if not os.path.exists(thing):
                findings.append(
                    Finding(path, 1, "symbols", f"is not built: build sluice_{folder} first"))
                continue
            findings += _check_object(tree, path, thing)
    return findings


def _check_object(tree, path, thing):
    names = sorted({name for name, kind, sort in _symbols(thing) if _is_banned(name, kind, sort)})
    if not names:
        return []
    places = _places(tree, thing)
    return [
        Finding(*(places.get(name) or (path, _likely_line(tree, path, name))), "symbols",
                f"{name}: go through Runtime, Disk or Bucket")
        for name in names
    ]


def _likely_line(tree, path, name):
    """Where an inlined library function hides its caller: the first line with a word of `name`."""
    for word in re.findall(r"[A-Za-z]\w{3,}", name) + re.findall(r"[a-z]{4,}", name):
        for number, line in enumerate(tree.lines(path), 1):
            if not line.startswith("#") and re.search(rf"\b{word}\b", line):
                return number
    return 1


def _is_banned(name, kind, sort):
    if sort == "TLS":
        return True
    return kind == "U" and bool(name in C_FUNCTIONS or PATTERNS.fullmatch(name))


def _symbols(thing):
    """(name, class, type) of every symbol."""
    for line in _nm("-f", "sysv", thing):
        columns = [column.strip() for column in line.rsplit("|", 6)]
        if len(columns) == 7:
            yield columns[0], columns[2], columns[3]


def _places(tree, thing):
    """symbol -> (path, line) of a use, where the object knows it and the file is ours."""
    places = {}
    for line in _nm("-l", thing):
        symbol, tab, place = line.partition("\t")
        name = re.sub(r"^[0-9a-f]*\s+\w\s", "", symbol)
        file, _, number = place.rpartition(":")
        path = os.path.relpath(file, tree.root) if tab else ""
        if path in tree.paths:
            places[name] = (path, int(number))
    return places


def _nm(*arguments):
    run = subprocess.run(["nm", "-C", *arguments], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()
