#include "io/s3_upload.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "io/s3_xml.h"

namespace sluice::io {
namespace {

constexpr size_t kPiecesMax = 10'000;  // S3's own limit

class S3Upload final : public Upload {
 public:
  S3Upload(S3Client& client, std::string key) : client_(client), key_(std::move(key)) {}
  ~S3Upload() override { abort(); }

  Status write(ByteView bytes) override;
  Status finish() override;
  void abort() override;

 private:
  size_t piece_bytes() const { return std::max<size_t>(client_.options().piece_bytes, 1); }
  Result<HttpAnswer> call_again(const S3Call& call) {
    return retry(client_.runtime(), client_.retries(), [&] { return client_.call(call); });
  }
  /// Ends the upload if it is an error.
  Status checked(Status status);
  Status begin_pieces();
  Status send_piece();
  Status put_whole();
  Status complete();
  /// The object is there, as long as it should be.
  Status look();

  S3Client& client_;
  const std::string key_;
  std::vector<std::byte> piece_;
  std::vector<std::string> etags_;  ///< of the pieces sent
  std::string upload_id_;           ///< empty: no multipart upload is open
  uint64_t bytes_ = 0;
  bool ended_ = false;
};

Status S3Upload::write(ByteView bytes) {
  if (ended_) return Error(Code::kInvalid, Reason::kClosed, "the upload has ended");
  // A full piece is sent when more comes: what fits into one piece is one put.
  while (!bytes.empty()) {
    if (piece_.size() == piece_bytes()) TRY(checked(send_piece()));
    const size_t count = std::min(bytes.size(), piece_bytes() - piece_.size());
    piece_.insert(piece_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
    bytes_ += count;
    bytes = bytes.subspan(count);
  }
  return ok();
}

Status S3Upload::checked(Status status) {
  if (!status.ok()) abort();
  return status;
}

Status S3Upload::begin_pieces() {
  const HttpAnswer begun =
      TRY(call_again({.method = "POST", .key = key_, .query = {{"uploads", ""}}}));
  upload_id_ = TRY(parse_upload_id(begun.text));
  return ok();
}

Status S3Upload::send_piece() {
  if (upload_id_.empty()) TRY(begin_pieces());
  if (etags_.size() == kPiecesMax) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the object has too many pieces; make pieces larger", client_.uri(key_),
                  kPiecesMax * piece_bytes(), bytes_});
  }
  const std::string piece_number = std::to_string(etags_.size() + 1);
  const HttpAnswer sent =
      TRY(call_again({.method = "PUT",
                      .key = key_,
                      .query = {{"partNumber", piece_number}, {"uploadId", upload_id_}},
                      .body = piece_}));
  const std::string_view etag = sent.header("etag");
  if (etag.empty()) {
    return Error(Code::kIo, Reason::kUnknownOutcome, "the store does not name the piece it took",
                 client_.uri(key_));
  }
  etags_.emplace_back(etag);
  piece_.clear();
  return ok();
}

Status S3Upload::finish() {
  if (ended_) return Error(Code::kInvalid, Reason::kClosed, "the upload has ended");
  TRY(checked(upload_id_.empty() ? put_whole() : complete()));
  ended_ = true;
  upload_id_.clear();
  piece_ = {};
  return ok();
}

Status S3Upload::put_whole() {
  TRY(call_again({.method = "PUT", .key = key_, .body = piece_}));
  return ok();
}

/// The answer may be an error under the status 200, sent when the store had begun to answer; and
/// one that was lost makes the next one NoSuchUpload. So the object itself is asked, either way.
Status S3Upload::complete() {
  if (!piece_.empty()) TRY(send_piece());
  const std::string document = complete_document(etags_);
  const Status told = retry(client_.runtime(), client_.retries(), [&]() -> Status {
    const HttpAnswer answer = TRY(client_.call({.method = "POST",
                                                .key = key_,
                                                .query = {{"uploadId", upload_id_}},
                                                .body = as_bytes(document)}));
    const S3Fault fault = parse_fault(answer.text);
    if (fault.code.empty()) return ok();
    return Error(Code::kIo, Reason::kUnknownOutcome,
                 "the store has not put the pieces together: " + fault.code + " " + fault.message,
                 client_.uri(key_));
  });
  const Status seen = retry(client_.runtime(), client_.retries(), [&] { return look(); });
  return seen.ok() || told.ok() ? seen : told;
}

Status S3Upload::look() {
  const auto head = client_.call({.method = "HEAD", .key = key_});
  if (!head.ok() && head.error().code() != Code::kNotFound) return head.error();
  if (head.ok() && head->header("content-length") == std::to_string(bytes_)) return ok();
  return Error({Code::kIo, Reason::kNone, "the object is not there as it was sent",
                client_.uri(key_), bytes_, 0});
}

void S3Upload::abort() {
  ended_ = true;
  piece_ = {};
  const std::string open = std::exchange(upload_id_, {});
  if (open.empty()) return;
  // What stays behind when the store does not answer costs space until it drops it.
  (void)call_again({.method = "DELETE", .key = key_, .query = {{"uploadId", open}}});
}

}  // namespace

std::unique_ptr<Upload> make_s3_upload(S3Client& client, std::string key) {
  return std::make_unique<S3Upload>(client, std::move(key));
}

}  // namespace sluice::io
