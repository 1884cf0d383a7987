// Content: an input as the text it holds, whatever it is compressed with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/input_file.h"
#include "source/compression.h"
#include "source/file_source.h"
#include "source/source.h"

namespace sluice::cli {

class Content final : public source::Input {
 public:
  /// "-" is standard input. `interrupt` outlives the content. Errors of detect_compression().
  static Result<std::unique_ptr<Content>> open(const std::string& path, const Interrupt& interrupt);

  /// The file's name without folder and compression, for people and for its format.
  const std::string& name() const { return name_; }
  source::Compression compression() const { return compression_; }
  /// Of a file that can be read again, as it is stored; absent for a stream.
  std::optional<uint64_t> stored_bytes() const { return file_->size_bytes(); }

  /// The rest are for files that can be read again.
  Result<source::FileIdentity> identify(const source::KnownFiles& known);
  /// The source that the first so many bytes would be, were they a file. Plain files only.
  Result<std::string> name_beginning(uint64_t bytes);
  /// The next read() begins at `offset` of the text.
  Status seek(uint64_t offset);

  Result<size_t> read(std::span<std::byte> into) override;

 private:
  Content(std::string name, std::unique_ptr<InputFile> file)
      : name_(std::move(name)), file_(std::move(file)) {}
  Status look();
  void begin_text();

  const std::string name_;
  const std::unique_ptr<InputFile> file_;
  source::Compression compression_ = source::Compression::kNone;
  source::Head first_;  ///< of a stream: what was read to see its compression
  std::optional<source::HeadedInput> stored_;
  std::unique_ptr<source::Input> text_;  ///< null if plain
};

}  // namespace sluice::cli
