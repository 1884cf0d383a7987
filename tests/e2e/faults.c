// A library to be preloaded into a program under test (LD_PRELOAD): system calls that change files
// fail, or end the process, where the environment says so.
//
//   FAULT_PATH    only calls on paths that contain this text (for an open file: the name it has)
//   FAULT_OP      only these, a list with commas: create, write, sync, truncate, rename, link,
//                 unlink, mkdir. Default: all. And direct: setting O_DIRECT, only if it is listed
//   FAULT_FROM    the first such call that fails, counted from 1. Default: 1
//   FAULT_CALLS   so many fail. Default: all from that one on
//   FAULT_WHILE   calls fail only while a file of this name exists
//   FAULT_ACTION  ENOSPC, EIO, EROFS, EINVAL: the error; kill: the process ends by SIGKILL, in the middle
//                 of its bytes if the call is a write; count: nothing fails
//   FAULT_COUNT   a file that gets the number of such calls when the process ends in its own time
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
enum { kPathBytes = 4096 };

static atomic_long calls;

static const char* setting(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value != NULL ? value : otherwise;
}

static int is_listed(const char* word, const char* list) {
  const size_t length = strlen(word);
  for (const char* at = list; (at = strstr(at, word)) != NULL; at += length) {
    const int begins = at == list || at[-1] == ',';
    if (begins && (at[length] == ',' || at[length] == 0)) return 1;
  }
  return 0;
}

static int error_of(const char* action) {
  if (strcmp(action, "EIO") == 0) return EIO;
  if (strcmp(action, "EROFS") == 0) return EROFS;
  if (strcmp(action, "EINVAL") == 0) return EINVAL;
  return ENOSPC;
}

static int is_armed(void) {
  const char* gate = getenv("FAULT_WHILE");
  return gate == NULL || syscall(SYS_faccessat, AT_FDCWD, gate, F_OK) == 0;
}

// Whether this call is to fail.
static int strikes(const char* op, const char* path) {
  const char* wanted = getenv("FAULT_PATH");
  if (wanted == NULL || strstr(path, wanted) == NULL) return 0;
  const char* ops = getenv("FAULT_OP");
  if (ops != NULL && !is_listed(op, ops)) return 0;
  const long call = atomic_fetch_add(&calls, 1) + 1;
  if (strcmp(setting("FAULT_ACTION", "count"), "count") == 0) return 0;
  const long from = atol(setting("FAULT_FROM", "1"));
  const char* count = getenv("FAULT_CALLS");
  if (call < from || (count != NULL && call >= from + atol(count))) return 0;
  return is_armed();
}

// Ends the process or leaves the error in errno.
static int strike(void) {
  const char* action = setting("FAULT_ACTION", "count");
  if (strcmp(action, "kill") == 0) kill(getpid(), SIGKILL);
  errno = error_of(action);
  return -1;
}

static const char* path_of(int file, char* buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, buffer, kPathBytes - 1);
  buffer[length > 0 ? length : 0] = 0;
  return buffer;
}

static int strikes_file(const char* op, int file) {
  char path[kPathBytes];
  return strikes(op, path_of(file, path));
}

static int is_kill(void) {
  return strcmp(setting("FAULT_ACTION", "count"), "kill") == 0;
}

__attribute__((destructor)) static void report(void) {
  const char* path = getenv("FAULT_COUNT");
  if (path == NULL) return;
  FILE* file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&calls));
  fclose(file);
}

EXPORT int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? (mode_t)va_arg(rest, int) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0 && strikes("create", path)) return strike();
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

EXPORT int fcntl(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  const long argument = va_arg(rest, long);
  va_end(rest);
  const int sets_direct = command == F_SETFL && (argument & O_DIRECT) != 0;
  if (sets_direct && getenv("FAULT_OP") != NULL && strikes_file("direct", file)) return strike();
  return (int)syscall(SYS_fcntl, file, command, argument);
}

EXPORT int fcntl64(int file, int command, ...) __attribute__((alias("fcntl")));

EXPORT ssize_t write(int file, const void* bytes, size_t count) {
  if (!strikes_file("write", file)) return syscall(SYS_write, file, bytes, count);
  if (is_kill()) syscall(SYS_write, file, bytes, count / 2);
  return strike();
}

EXPORT ssize_t pwrite(int file, const void* bytes, size_t count, off_t offset) {
  if (!strikes_file("write", file)) return syscall(SYS_pwrite64, file, bytes, count, offset);
  if (is_kill()) syscall(SYS_pwrite64, file, bytes, count / 2, offset);
  return strike();
}

EXPORT int fsync(int file) {
  return strikes_file("sync", file) ? strike() : (int)syscall(SYS_fsync, file);
}

EXPORT int fdatasync(int file) {
  return strikes_file("sync", file) ? strike() : (int)syscall(SYS_fdatasync, file);
}

EXPORT int ftruncate(int file, off_t bytes) {
  return strikes_file("truncate", file) ? strike() : (int)syscall(SYS_ftruncate, file, bytes);
}

EXPORT int renameat2(int from_dir, const char* from, int to_dir, const char* to,
                     unsigned int flags) {
  if (strikes("rename", to)) return strike();
  return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

EXPORT int rename(const char* from, const char* to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int link(const char* from, const char* to) {
  if (strikes("link", to)) return strike();
  return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int unlink(const char* path) {
  if (strikes("unlink", path)) return strike();
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/// Of names relative to the working directory, and absolute ones; others pass.
EXPORT int unlinkat(int folder, const char* path, int flags) {
  if ((folder == AT_FDCWD || path[0] == '/') && strikes("unlink", path)) return strike();
  return (int)syscall(SYS_unlinkat, folder, path, flags);
}

EXPORT int mkdir(const char* path, mode_t mode) {
  if (strikes("mkdir", path)) return strike();
  return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
