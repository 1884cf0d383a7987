#include "io/s3_bucket.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "io/names.h"
#include "io/s3_client.h"
#include "io/s3_upload.h"
#include "io/s3_xml.h"

namespace sluice::io {
namespace {

constexpr uint64_t kListBytesMax = 16u << 20;
// Between an unfinished upload's key and its id; no character of a key.
constexpr char kUploadMark = '~';

/// "bytes 5-9/10" or, of a range behind the end, "bytes */10".
struct ContentRange {
  uint64_t begin = 0;
  uint64_t end = 0;  ///< behind the last byte
  uint64_t size = 0;
};

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  ContentRange range;
  if (!take(text, "bytes ")) return {};
  if (!take(text, "*")) {
    const auto first = take_number(text);
    if (!first || !take(text, "-")) return {};
    const auto last = take_number(text);
    if (!last || *last < *first || *last == UINT64_MAX) return {};
    range.begin = *first;
    range.end = *last + 1;
  }
  if (!take(text, "/")) return {};
  const auto size = take_number(text);
  if (!size || !text.empty() || range.end > *size) return {};
  range.size = *size;
  return range;
}

class S3Bucket final : public Bucket {
 public:
  S3Bucket(S3Options options, Runtime& runtime) : client_(std::move(options), runtime) {}

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    TRY(check(key));
    TRY(client_.call({.method = "PUT",
                      .key = key,
                      .headers = {{"if-none-match", "*"}},
                      .body = bytes,
                      .send_once = true}));
    return ok();
  }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    TRY(check(key));
    return make_s3_upload(client_, std::string(key));
  }
  Status put(std::string_view key, ByteView bytes) override {
    TRY(check(key));
    TRY(client_.call({.method = "PUT", .key = key, .body = bytes}));
    return ok();
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override;
  Result<ObjectEntry> head(std::string_view key) override;
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override;
  Status remove(std::string_view key) override;
  Result<std::vector<ObjectEntry>> list_unfinished(std::string_view place) override;
  Status remove_unfinished(std::string_view name) override;
  std::string uri(std::string_view key) const override { return client_.uri(key); }

 private:
  static Status check(std::string_view key);
  Error bad_answer(const char* what, std::string_view key) const {
    return Error(Code::kIo, Reason::kUnknownOutcome, what, client_.uri(key));
  }
  Result<size_t> received(const HttpAnswer& answer, std::string_view key, uint64_t offset,
                          size_t wanted) const;
  Result<S3UploadsPage> uploads_page(const std::string& prefix, const S3UploadsPage& before);
  Result<S3ListPage> list_page(const std::string& prefix, const std::string& token);
  void keep_ours(std::vector<ObjectEntry> entries, const std::string& prefix,
                 std::vector<ObjectEntry>& found) const;

  S3Client client_;
};

Status S3Bucket::check(std::string_view key) {
  if (is_key(key)) return ok();
  return key_error(key);
}

Result<size_t> S3Bucket::get_range(std::string_view key, uint64_t offset,
                                   std::span<std::byte> out) {
  TRY(check(key));
  if (out.empty()) {
    TRY(head(key));
    return size_t{0};
  }
  if (offset > UINT64_MAX - out.size()) return size_t{0};
  const std::string range =
      "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + out.size() - 1);
  const HttpAnswer answer =
      TRY(client_.send({.method = "GET", .key = key, .headers = {{"range", range}}, .out = out}));
  if (answer.status == 416) {
    const auto found = parse_content_range(answer.header("content-range"));
    if (found && found->size > offset) return bad_answer("a range was refused", key);
    return size_t{0};
  }
  if (!answer.is_success()) return client_.error_of(answer, key);
  return received(answer, key, offset, out.size());
}

/// What came is what was asked for, and short only at the end of the object.
Result<size_t> S3Bucket::received(const HttpAnswer& answer, std::string_view key, uint64_t offset,
                                  size_t wanted) const {
  if (answer.status == 200) {  // the whole object: the store does not know ranges
    const bool is_whole = answer.header("content-length") == std::to_string(answer.out_bytes);
    if (offset == 0 && is_whole) return answer.out_bytes;
    return bad_answer("the answer is not the range that was asked for", key);
  }
  const auto range = parse_content_range(answer.header("content-range"));
  if (!range || range->begin != offset || range->end - range->begin != answer.out_bytes) {
    return bad_answer("the answer is not the range that was asked for", key);
  }
  if (answer.out_bytes < wanted && range->end != range->size) {
    return bad_answer("the answer is shorter than the range that was asked for", key);
  }
  return answer.out_bytes;
}

Result<ObjectEntry> S3Bucket::head(std::string_view key) {
  TRY(check(key));
  const HttpAnswer answer = TRY(client_.call({.method = "HEAD", .key = key}));
  std::string_view length = answer.header("content-length");
  const auto bytes = take_number(length);
  if (!bytes || !length.empty()) return bad_answer("the answer names no size", key);
  const auto time = parse_http_time(answer.header("last-modified"));
  if (!time.ok()) return time.error().at(client_.uri(key));
  return ObjectEntry{std::string(key), *bytes, *time};
}

Result<std::vector<ObjectEntry>> S3Bucket::list(std::string_view prefix) {
  if (!is_key_prefix(prefix)) {
    return Error(Code::kInvalid, "no key begins like this", std::string(prefix));
  }
  const std::string wanted = client_.object_name(prefix);
  std::vector<ObjectEntry> found;
  std::string token;
  while (true) {
    S3ListPage page = TRY(list_page(wanted, token));
    keep_ours(std::move(page.entries), wanted, found);
    if (page.next_token.empty()) break;
    if (page.next_token == token) return bad_answer("a list does not go on", prefix);
    token = std::move(page.next_token);
  }
  // Directory buckets of AWS list in no order.
  std::sort(found.begin(), found.end(),
            [](const ObjectEntry& a, const ObjectEntry& b) { return a.key < b.key; });
  return found;
}

Result<S3ListPage> S3Bucket::list_page(const std::string& prefix, const std::string& token) {
  S3Call call{.method = "GET",
              .query = {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", prefix}},
              .text_bytes_max = kListBytesMax};
  if (!token.empty()) call.query.emplace_back("continuation-token", token);
  const HttpAnswer answer = TRY(client_.call(call));
  auto page = parse_list_page(answer.text);
  if (!page.ok()) return page.error().at(client_.uri(""));
  return page;
}

void S3Bucket::keep_ours(std::vector<ObjectEntry> entries, const std::string& prefix,
                         std::vector<ObjectEntry>& found) const {
  const size_t own_at = client_.object_name("").size();
  for (ObjectEntry& entry : entries) {
    if (!entry.key.starts_with(prefix)) continue;
    entry.key.erase(0, own_at);
    if (is_key(entry.key)) found.push_back(std::move(entry));
  }
}

Status S3Bucket::remove(std::string_view key) {
  TRY(check(key));
  const auto answer = client_.call({.method = "DELETE", .key = key});
  if (answer.ok() || answer.error().code() == Code::kNotFound) return ok();
  return answer.error();
}

Result<std::vector<ObjectEntry>> S3Bucket::list_unfinished(std::string_view place) {
  if (!place.ends_with('/') || !is_key_prefix(place)) {
    return Error(Code::kInvalid, "no place", std::string(place));
  }
  const std::string wanted = client_.object_name(place);
  const size_t own_at = client_.object_name("").size();
  std::vector<ObjectEntry> found;
  S3UploadsPage page;
  do {
    auto answer = uploads_page(wanted, page);
    // A store that does not know the request does not keep uploads for it to show.
    if (!answer.ok() && answer.error().code() == Code::kUnsupported) return found;
    S3UploadsPage next = TRY(std::move(answer));
    if (!next.next_key.empty() && next.next_key == page.next_key && next.next_id == page.next_id) {
      return bad_answer("a list does not go on", place);
    }
    page = std::move(next);
    for (const S3OpenUpload& upload : page.uploads) {
      if (!upload.key.starts_with(wanted)) continue;
      std::string key = upload.key.substr(own_at);
      if (is_key(key)) found.push_back({std::move(key) + kUploadMark + upload.id, 0, upload.begun});
    }
  } while (!page.next_key.empty());
  return found;
}

Result<S3UploadsPage> S3Bucket::uploads_page(const std::string& prefix,
                                             const S3UploadsPage& before) {
  S3Call call{.method = "GET",
              .query = {{"uploads", ""}, {"encoding-type", "url"}, {"prefix", prefix}},
              .text_bytes_max = kListBytesMax};
  if (!before.next_key.empty()) {
    call.query.emplace_back("key-marker", before.next_key);
    call.query.emplace_back("upload-id-marker", before.next_id);
  }
  const HttpAnswer answer = TRY(client_.call(call));
  auto page = parse_uploads_page(answer.text);
  if (!page.ok()) return page.error().at(client_.uri(""));
  return page;
}

Status S3Bucket::remove_unfinished(std::string_view name) {
  const size_t mark = name.find(kUploadMark);
  if (mark == name.npos || !is_key(name.substr(0, mark))) {
    return Error(Code::kInvalid, "no unfinished upload", std::string(name));
  }
  const std::string_view key = name.substr(0, mark);
  const std::string id(name.substr(mark + 1));
  const HttpAnswer answer =
      TRY(client_.send({.method = "DELETE", .key = key, .query = {{"uploadId", id}}}));
  if (answer.is_success() || parse_fault(answer.text).code == "NoSuchUpload") return ok();
  return client_.error_of(answer, key);
}

}  // namespace

Result<std::unique_ptr<Bucket>> open_s3_bucket(S3Options options, Runtime& runtime) {
  TRY(check_s3_place(options.place));
  if (options.credentials.access_key_id.empty() || options.credentials.secret_access_key.empty()) {
    return Error(Code::kInvalid, "there are no credentials for the store",
                 to_s3_uri(options.place));
  }
  return std::make_unique<S3Bucket>(std::move(options), runtime);
}

Status check_conditions(Bucket& bucket, Runtime& runtime) {
  struct Probe;
  const std::string key = "sluice-probe-" + RandomId<Probe>::draw(runtime).hex();
  TRY(bucket.put_if_absent(key, as_bytes("may be removed")));
  const Status second = bucket.put_if_absent(key, as_bytes("must not be put"));
  TRY(bucket.remove(key));
  if (second.ok()) {
    return Error(Code::kUnsupported,
                 "the store replaces an object that must only be made (If-None-Match), so commits "
                 "would be lost there: use another store, or a newer version of it",
                 bucket.uri(key));
  }
  return second.error().code() == Code::kExists ? ok() : second;
}

}  // namespace sluice::io
