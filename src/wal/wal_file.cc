// WalWriter and WalFsWriter: two faces of SingleFile.
#include "sluice/wal_file.h"

#include <utility>

#include "wal/single_file.h"

namespace sluice {
namespace {

const WalRepair kNothingCut;

Error moved_from() {
  return Error(Code::kInvalid, Reason::kClosed,
               "the log went to another writer, which was moved to");
}

}  // namespace

WalWriter::WalWriter(std::unique_ptr<wal::SingleFile> file) : file_(std::move(file)) {}
WalWriter::WalWriter(WalWriter&&) noexcept = default;
WalWriter& WalWriter::operator=(WalWriter&&) noexcept = default;
WalWriter::~WalWriter() = default;

Result<WalWriter> WalWriter::open(Runtime& runtime, Disk& disk, const std::string& name,
                                  WalFileOptions options) {
  return WalWriter(
      TRY(wal::SingleFile::open(runtime, disk, name, {std::move(options), Numbering::kLog})));
}

Result<WalWriter> WalWriter::create(Runtime& runtime, Disk& disk, const std::string& name,
                                    Lsn start_lsn, WalFileOptions options) {
  return WalWriter(TRY(wal::SingleFile::create(runtime, disk, name, start_lsn,
                                               {std::move(options), Numbering::kLog})));
}

Result<Lsn> WalWriter::append(std::span<const WalRecord> records) {
  if (file_ == nullptr) return moved_from();
  return file_->append(records);
}
Status WalWriter::sync() {
  if (file_ == nullptr) return moved_from();
  return file_->sync();
}
Status WalWriter::seal() {
  if (file_ == nullptr) return moved_from();
  return file_->seal();
}
Status WalWriter::close() {
  if (file_ == nullptr) return moved_from();
  return file_->close();
}
Lsn WalWriter::current_lsn() const {
  return file_ == nullptr ? 0 : file_->last_lsn();
}
Lsn WalWriter::next_lsn() const {
  return file_ == nullptr ? 0 : file_->next_lsn();
}
Lsn WalWriter::durable_lsn() const {
  return file_ == nullptr ? 0 : file_->durable_lsn();
}
uint64_t WalWriter::file_offset() const {
  return file_ == nullptr ? 0 : file_->frames_bytes();
}
uint64_t WalWriter::file_size() const {
  return file_ == nullptr ? 0 : file_->file_bytes();
}
WalProtection WalWriter::protection() const {
  return file_ == nullptr ? WalProtection{} : file_->protection();
}
Status WalWriter::attach_side_file() {
  if (file_ == nullptr) return moved_from();
  return file_->attach_side_file();
}
Status WalWriter::set_keys(std::shared_ptr<const KeyRing> keys) {
  if (file_ == nullptr) return moved_from();
  return file_->set_keys(std::move(keys));
}
std::shared_ptr<const KeyRing> WalWriter::key_ring() const {
  return file_ == nullptr ? nullptr : file_->key_ring();
}
const WalRepair& WalWriter::repair() const {
  return file_ == nullptr ? kNothingCut : file_->repair();
}

bool WalWriter::is_direct() const {
  return file_ != nullptr && file_->is_direct();
}

WalFsWriter::WalFsWriter(std::unique_ptr<wal::SingleFile> file) : file_(std::move(file)) {}
WalFsWriter::WalFsWriter(WalFsWriter&&) noexcept = default;
WalFsWriter& WalFsWriter::operator=(WalFsWriter&&) noexcept = default;
WalFsWriter::~WalFsWriter() = default;

Result<WalFsWriter> WalFsWriter::open(Runtime& runtime, Disk& disk, const std::string& name,
                                      WalFsOptions options) {
  const Numbering numbering =
      options.rule == SequenceRule::kAny ? Numbering::kAny : Numbering::kRising;
  return WalFsWriter(
      TRY(wal::SingleFile::open(runtime, disk, name, {std::move(options.file), numbering})));
}

Status WalFsWriter::append(uint64_t sequence, ByteView payload) {
  if (file_ == nullptr) return moved_from();
  const WalRecord record{.head = payload, .lsn = sequence};
  TRY(file_->append(std::span(&record, 1)));
  return ok();
}
Status WalFsWriter::sync() {
  if (file_ == nullptr) return moved_from();
  return file_->sync();
}
Status WalFsWriter::close() {
  if (file_ == nullptr) return moved_from();
  return file_->close();
}
uint64_t WalFsWriter::current_sequence() const {
  return file_ == nullptr ? 0 : file_->last_lsn();
}
uint64_t WalFsWriter::file_offset() const {
  return file_ == nullptr ? 0 : file_->frames_bytes();
}
uint64_t WalFsWriter::file_size() const {
  return file_ == nullptr ? 0 : file_->file_bytes();
}
WalProtection WalFsWriter::protection() const {
  return file_ == nullptr ? WalProtection{} : file_->protection();
}
Status WalFsWriter::attach_side_file() {
  if (file_ == nullptr) return moved_from();
  return file_->attach_side_file();
}
const WalRepair& WalFsWriter::repair() const {
  return file_ == nullptr ? kNothingCut : file_->repair();
}

bool WalFsWriter::is_direct() const {
  return file_ != nullptr && file_->is_direct();
}

}  // namespace sluice
