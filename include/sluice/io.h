// Disk and Bucket: the seams through which the library meets storage.
//
//   Disk     one flat directory of files: the home of the log. Errors: see each function.
//   Bucket   keys to immutable objects: the home of parts and tables. A local directory is a Bucket
//   too.
//
// Real implementations live in src/io, simulated ones in sim. One interface suite (tests/interface)
// passes on all. Any thread may call any function; one File or Upload serves one thread at a time
// unless a function says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice {

using ByteView = std::span<const std::byte>;

/// An open file. Offsets and sizes in bytes.
class File {
 public:
  virtual ~File() = default;
  /// Writes all of `bytes` at `offset`. Not durable before sync(). kFull: some prefix may have been
  /// written, and the same bytes may be written again at the same offset. kIo: unknown which bytes
  /// were written.
  virtual Status pwrite_at(uint64_t offset, ByteView bytes) = 0;
  /// Reads up to out.size() bytes; fewer only at the end of the file.
  virtual Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) = 0;
  /// Data and size are durable on return. Any error (also kFull) leaves the file in an unknown
  /// durable state, and a later success proves nothing: the caller treats the file as poisoned.
  /// Another thread may write meanwhile; only writes that returned before the call are covered.
  virtual Status sync() = 0;
  virtual Status truncate(uint64_t bytes) = 0;
  /// Writes zeros over [offset, offset + bytes), so that later overwrites need no new blocks.
  virtual Status allocate(uint64_t offset, uint64_t bytes) = 0;
  virtual Result<uint64_t> size() = 0;
  /// Of a file that is open for writing: excludes every other one that asks for it, across
  /// processes and within this one, whichever of the file's names it was opened by, until this one
  /// is destroyed. Neither content nor names change. kBusy (kLocked): another has it. Where a file
  /// has one name only, Disk::lock() says it all, and there is nothing to do.
  virtual Status lock() { return ok(); }
};

enum class OpenMode : uint8_t {
  kRead,        ///< read_at and size only
  kReadDevice,  ///< the same, but past the page cache: what a power cut now would leave
  kReadWrite,
};

struct DiskEntry {
  std::string name;
  uint64_t bytes = 0;
  /// When bytes were written last, or zeros, or cut: UTC since 1970, by the wall clock and as
  /// coarse as the file system; a power cut may leave an earlier time. 0: not told.
  Nanos written_wall_time = 0;
};

/// Held until destroyed, or until the process dies.
class DiskLock {
 public:
  virtual ~DiskLock() = default;
};

/// One flat directory. Names: 1 to 200 characters of [A-Za-z0-9._-], not starting with a dot;
/// others are kInvalid. Changes to names (create, rename, remove) are durable only after
/// sync_dir().
class Disk {
 public:
  virtual ~Disk() = default;
  /// A new empty file for reading and writing; kExists if the name is taken.
  virtual Result<std::unique_ptr<File>> create(std::string_view name) = 0;
  virtual Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) = 0;
  /// Atomic; replaces `to` if it exists.
  virtual Status rename(std::string_view from, std::string_view to) = 0;
  virtual Status remove(std::string_view name) = 0;
  /// All regular files, sorted by name.
  virtual Result<std::vector<DiskEntry>> list() = 0;
  virtual Status sync_dir() = 0;
  /// An exclusive lock by name across processes and within this one; kBusy (kLocked) if it is held.
  /// It may make a file of that name; one that is there and holds something else is left as it is.
  virtual Result<std::unique_ptr<DiskLock>> lock(std::string_view name) = 0;
  virtual Result<uint64_t> free_bytes() = 0;
};

struct ObjectEntry {
  std::string key;
  uint64_t bytes = 0;
  Nanos put_wall_time = 0;  ///< UTC since 1970
};

/// An object under construction: invisible until finish() returns ok. Destroying it unfinished
/// aborts it.
class Upload {
 public:
  virtual ~Upload() = default;
  virtual Status write(ByteView bytes) = 0;
  /// ok: the object is durable and visible, whole. Any error: unknown; the key must not be used
  /// again.
  virtual Status finish() = 0;
  virtual void abort() = 0;
};

/// An object to put. Both are borrowed for the call.
struct ObjectBytes {
  std::string_view key;
  ByteView bytes;
};

/// Bytes that wait for their name, for one of its puts, once. Destroyed unnamed, they are gone. The
/// bucket outlives it.
class StagedObject {
 public:
  virtual ~StagedObject() = default;
  /// As those of Bucket.
  virtual Status put_if_absent() = 0;
  virtual Status put() = 0;
};

/// Keys: segments of [A-Za-z0-9._=+-] joined by '/', no empty segment, no "." or "..", at most 512
/// bytes; others are kInvalid. Objects never change once they exist, except those written with
/// put().
class Bucket {
 public:
  virtual ~Bucket() = default;
  /// The commit primitive: exactly one of many callers creates the object. ok: it is ours and
  /// durable. kExists: the key is taken, perhaps by an earlier try of ours. Any other error:
  /// unknown, read to find out.
  virtual Status put_if_absent(std::string_view key, ByteView bytes) = 0;
  /// For large objects under names that nobody else uses; no condition is checked.
  virtual Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) = 0;
  /// Small objects under names that nobody else uses and that stand for these bytes only: one that
  /// exists is there by a request of ours. ok: all are durable and visible, for the price of about
  /// one. Any error, or a power cut before the answer: unknown which are there, and whether whole.
  /// One put_if_absent() after the other, unless the bucket knows better.
  virtual Status put_all(std::span<const ObjectBytes> objects);
  /// put_all(), and meanwhile `next` is made ready for puts that follow it, in any order, one each:
  /// where bytes and names are two things only the name is missing then. Its bytes are borrowed
  /// until those puts.
  virtual Result<std::vector<std::unique_ptr<StagedObject>>> put_all_and_stage(
      std::span<const ObjectBytes> objects, std::span<const ObjectBytes> next);
  /// Replaces; for hints only: whole at any moment, but a power cut may bring the old one back.
  virtual Status put(std::string_view key, ByteView bytes) = 0;
  /// Reads up to out.size() bytes at `offset`; fewer only at the end. kNotFound if there is no such
  /// object.
  virtual Result<size_t> get_range(std::string_view key, uint64_t offset,
                                   std::span<std::byte> out) = 0;
  virtual Result<ObjectEntry> head(std::string_view key) = 0;
  /// Every object whose key starts with `prefix`, sorted by key. Should see all objects put before
  /// the call. One that lags behind costs time, no rows (docs/crash_safety.md, assumption 7).
  virtual Result<std::vector<ObjectEntry>> list(std::string_view prefix) = 0;
  /// The keys of list(), for those who need no more.
  virtual Result<std::vector<std::string>> list_keys(std::string_view prefix);
  /// ok also if there is no such object. Durable on return.
  virtual Status remove(std::string_view key) = 0;
  /// The same for many; an error may leave any of them.
  virtual Status remove_all(std::span<const std::string> keys);
  /// What uploads and puts that never ended left below the prefix of a place ("a/b/"), by names
  /// that are no keys, with the time when they were last written. One that goes on may be among
  /// them.
  virtual Result<std::vector<ObjectEntry>> list_unfinished(std::string_view place);
  /// ok also if it is gone. An upload that goes on all the same fails.
  virtual Status remove_unfinished(std::string_view name);
  /// The address under which other programs find the object: an absolute path or a URL.
  virtual std::string uri(std::string_view key) const = 0;
};

/// The whole object; kInvalid (kPayloadTooLarge) if it is longer than `limit`.
Result<std::string> get_object(Bucket& bucket, std::string_view key, uint64_t limit);

}  // namespace sluice
