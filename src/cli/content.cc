#include "cli/content.h"

#include <filesystem>
#include <utility>

namespace sluice::cli {
namespace {

std::string file_name(const std::string& path) {
  return path == "-" ? "stdin" : std::filesystem::path(path).filename().string();
}

}  // namespace

Result<std::unique_ptr<Content>> Content::open(const std::string& path,
                                               const Interrupt& interrupt) {
  auto file = TRY(InputFile::open(path, interrupt));
  const std::string name = file_name(path);
  std::unique_ptr<Content> content(
      new Content(std::string(source::without_compression(name)), std::move(file)));
  TRY(content->look());
  content->compression_ = TRY(source::detect_compression(name, content->first_.bytes));
  if (content->stored_bytes()) {
    content->first_.bytes.clear();
    content->file_->seek(0);
  }
  content->begin_text();
  return content;
}

Status Content::look() {
  std::string& bytes = first_.bytes;
  while (bytes.size() < source::kMagicBytesMax) {
    std::byte piece[source::kMagicBytesMax];
    const size_t got =
        TRY(file_->read(std::span(piece).first(source::kMagicBytesMax - bytes.size())));
    if (got == 0) return ok();
    bytes.append(reinterpret_cast<const char*>(piece), got);
  }
  return ok();
}

void Content::begin_text() {
  stored_.emplace(first_, *file_);
  if (compression_ != source::Compression::kNone) {
    text_ = source::decompress(compression_, *stored_);
  }
}

Result<source::FileIdentity> Content::identify(const source::KnownFiles& known) {
  file_->seek(0);
  return source::identify(*file_, *stored_bytes(), compression_, known);
}

Result<std::string> Content::name_beginning(uint64_t bytes) {
  file_->seek(0);
  return TRY(source::identify(*file_, bytes, source::Compression::kNone, {})).source;
}

Status Content::seek(uint64_t offset) {
  const bool is_plain = compression_ == source::Compression::kNone;
  file_->seek(is_plain ? offset : 0);
  begin_text();
  return is_plain ? ok() : source::skip(*text_, offset);
}

Result<size_t> Content::read(std::span<std::byte> into) {
  return text_ ? text_->read(into) : stored_->read(into);
}

}  // namespace sluice::cli
