#include "io/s3_xml.h"

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <pugixml.hpp>

namespace sluice::io {
namespace {

constexpr size_t kFaultTextMax = 300;

Error malformed(std::string_view what) {
  return Error(Code::kIo, Reason::kUnknownOutcome,
               "the store's answer cannot be understood: " + std::string(what));
}

/// Digits only.
std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

/// Year, month, day, hour, minute, second.
std::optional<Nanos> nanos_of(const std::array<std::optional<uint64_t>, 6>& fields) {
  using namespace std::chrono;
  for (const auto& field : fields) {
    if (!field || *field > 9999) return {};
  }
  const auto at = [&](size_t index) { return static_cast<int>(*fields[index]); };
  const year_month_day date{year(at(0)), month(static_cast<unsigned>(at(1))),
                            day(static_cast<unsigned>(at(2)))};
  // What is later does not fit into Nanos.
  if (!date.ok() || at(0) < 1970 || at(0) > 2261 || at(3) > 23 || at(4) > 59 || at(5) > 60) {
    return {};
  }
  const seconds time =
      sys_days(date).time_since_epoch() + hours(at(3)) + minutes(at(4)) + seconds(at(5));
  return time.count() * kSecond;
}

/// "2026-11-21T16:54:01.000Z"; what is below a second is left out, as heads do.
std::optional<Nanos> parse_list_time(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() <= kShape.size() || !text.ends_with('Z')) return {};
  for (const size_t at : {4, 7, 10, 13, 16}) {
    if (text[at] != kShape[at]) return {};
  }
  return nanos_of({number(text.substr(0, 4)), number(text.substr(5, 2)), number(text.substr(8, 2)),
                   number(text.substr(11, 2)), number(text.substr(14, 2)),
                   number(text.substr(17, 2))});
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return {};
}

/// '+' stays: some stores leave it as it is, and no key of ours has a blank.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (text.size() - at < 3) return {};
    const auto high = hex_digit(text[at + 1]);
    const auto low = hex_digit(text[at + 2]);
    if (!high || !low) return {};
    out += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return out;
}

Result<std::string> text_of(const pugi::xml_node& node, bool is_escaped) {
  const std::string text = node.text().get();
  if (!is_escaped) return text;
  auto plain = unescape(text);
  if (!plain) return malformed("a key is not escaped well");
  return *std::move(plain);
}

Result<ObjectEntry> entry_of(const pugi::xml_node& node, bool is_escaped) {
  ObjectEntry entry;
  entry.key = TRY(text_of(node.child("Key"), is_escaped));
  const auto bytes = number(node.child("Size").text().get());
  const auto time = parse_list_time(node.child("LastModified").text().get());
  if (entry.key.empty() || !bytes || !time) return malformed("a list's entry is incomplete");
  entry.bytes = *bytes;
  entry.put_wall_time = *time;
  return entry;
}

Result<S3OpenUpload> upload_of(const pugi::xml_node& node, bool is_escaped) {
  S3OpenUpload upload;
  upload.key = TRY(text_of(node.child("Key"), is_escaped));
  upload.id = node.child("UploadId").text().get();
  const auto begun = parse_list_time(node.child("Initiated").text().get());
  if (upload.key.empty() || upload.id.empty() || !begun) {
    return malformed("a list's entry is incomplete");
  }
  upload.begun = *begun;
  return upload;
}

/// A list's root element, and whether it goes on.
struct ListRoot {
  pugi::xml_node node;
  bool is_escaped = false;
  bool goes_on = false;
};
Result<ListRoot> read_list(const pugi::xml_document& document, const char* name) {
  ListRoot root{document.child(name)};
  if (!root.node) return malformed("it is no list");
  const std::string_view truncated = root.node.child("IsTruncated").text().get();
  if (truncated != "true" && truncated != "false") {
    return malformed("it does not say whether the list goes on");
  }
  root.goes_on = truncated == "true";
  root.is_escaped = std::string_view(root.node.child("EncodingType").text().get()) == "url";
  return root;
}

/// Of a stranger's text, what can be shown: one line, not too long.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, kFaultTextMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return out;
}

}  // namespace

Result<S3ListPage> parse_list_page(std::string_view text) {
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size())) return malformed("it is no XML");
  const ListRoot root = TRY(read_list(document, "ListBucketResult"));
  S3ListPage page;
  for (const pugi::xml_node& node : root.node.children("Contents")) {
    page.entries.push_back(TRY(entry_of(node, root.is_escaped)));
  }
  if (!root.goes_on) return page;
  page.next_token = root.node.child("NextContinuationToken").text().get();
  if (page.next_token.empty()) return malformed("the list goes on, and nothing says where");
  return page;
}

Result<S3UploadsPage> parse_uploads_page(std::string_view text) {
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size())) return malformed("it is no XML");
  const ListRoot root = TRY(read_list(document, "ListMultipartUploadsResult"));
  S3UploadsPage page;
  for (const pugi::xml_node& node : root.node.children("Upload")) {
    page.uploads.push_back(TRY(upload_of(node, root.is_escaped)));
  }
  if (!root.goes_on) return page;
  page.next_key = TRY(text_of(root.node.child("NextKeyMarker"), root.is_escaped));
  page.next_id = root.node.child("NextUploadIdMarker").text().get();
  if (page.next_key.empty()) return malformed("the list goes on, and nothing says where");
  return page;
}

S3Fault parse_fault(std::string_view text) {
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size())) return {};
  const pugi::xml_node root = document.child("Error");
  return {shown(root.child("Code").text().get()), shown(root.child("Message").text().get()),
          shown(root.child("Region").text().get())};
}

Result<std::string> parse_upload_id(std::string_view text) {
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size())) return malformed("it is no XML");
  const std::string id =
      document.child("InitiateMultipartUploadResult").child("UploadId").text().get();
  if (id.empty()) return malformed("it does not name the upload");
  return id;
}

std::string complete_document(const std::vector<std::string>& etags) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  for (size_t at = 0; at < etags.size(); ++at) {
    pugi::xml_node piece = root.append_child("Part");
    piece.append_child("PartNumber").text().set(static_cast<unsigned>(at + 1));
    piece.append_child("ETag").text().set(etags[at].c_str());
  }
  struct Writer final : pugi::xml_writer {
    void write(const void* bytes, size_t size) override {
      text.append(static_cast<const char*>(bytes), size);
    }
    std::string text;
  };
  Writer writer;
  document.save(writer, "", pugi::format_raw | pugi::format_no_declaration);
  return writer.text;
}

Result<Nanos> parse_http_time(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::string_view kShape = "Sat, 21 Nov 2026 16:54:01 GMT";
  if (text.size() != kShape.size() || !text.ends_with(" GMT")) return malformed("no time");
  const size_t month = kMonths.find(text.substr(8, 3));
  if (month == kMonths.npos || month % 3 != 0) return malformed("no time");
  const auto time = nanos_of({number(text.substr(12, 4)), month / 3 + 1, number(text.substr(5, 2)),
                              number(text.substr(17, 2)), number(text.substr(20, 2)),
                              number(text.substr(23, 2))});
  if (!time) return malformed("no time");
  return *time;
}

}  // namespace sluice::io
