#include "wal/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice {

Result<WalEncryptionKey> WalEncryptionKey::from_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() != kBytes) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "a key has exactly 32 bytes",
                  {},
                  kBytes,
                  bytes.size()});
  }
  WalEncryptionKey key;
  std::memcpy(key.bytes_.data(), bytes.data(), kBytes);
  return key;
}

uint32_t WalEncryptionKey::fingerprint() const {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size(), digest.data());
  return std::max(load<uint32_t>(reinterpret_cast<const std::byte*>(digest.data())), 1u);
}

WalEncryptionKey::~WalEncryptionKey() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

Result<KeyRing> KeyRing::make(uint32_t id, WalEncryptionKey current) {
  KeyRing ring;
  TRY(ring.add(id, std::move(current)));
  ring.current_id_ = id;
  return ring;
}

Status KeyRing::add(uint32_t id, WalEncryptionKey old) {
  if (id == 0) {
    return Error(Code::kInvalid, Reason::kOutOfRange, "a key's id is not 0, which means no key");
  }
  if (!keys_.emplace(id, std::move(old)).second) {
    return Error(Code::kExists, "the ring has a key of this id", std::to_string(id));
  }
  return ok();
}

Result<WalEncryptionKey> KeyRing::find(uint32_t id) const {
  if (const auto found = keys_.find(id); found != keys_.end()) return found->second;
  if (lookup_) {
    Result<WalEncryptionKey> key = lookup_(id);
    if (key.ok() || key.error().code() != Code::kNotFound) return key;
  }
  return Error({Code::kInvalid,
                Reason::kMissingKey,
                "the key that the segment was sealed with is not in the key ring; add it",
                {},
                current_id_,
                id});
}

namespace wal {
namespace {

constexpr size_t kNonceBytes = 12;
using Nonce = std::array<std::byte, kNonceBytes>;

// Of a call that fails for want of memory only.
void must(int result) {
  CHECK(result == 1);
}

const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

Nonce nonce_of(uint64_t counter) {
  Nonce nonce{};
  store(nonce.data(), counter);
  return nonce;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Context make_context(const WalEncryptionKey& key, int encrypt) {
  Context context(EVP_CIPHER_CTX_new());
  CHECK(context != nullptr);
  must(EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(ByteView(key.bytes())),
                         nullptr, encrypt));
  return context;
}

void seal_with(EVP_CIPHER_CTX* context, const Nonce& nonce, ByteView additional, ByteView plain,
               std::span<std::byte> sealed) {
  CHECK(sealed.size() == plain.size() + kTagBytes && plain.size() <= INT32_MAX);
  int length = 0;
  must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, raw(ByteView(nonce))));
  must(EVP_EncryptUpdate(context, nullptr, &length, raw(additional),
                         static_cast<int>(additional.size())));
  must(
      EVP_EncryptUpdate(context, raw(sealed), &length, raw(plain), static_cast<int>(plain.size())));
  must(EVP_EncryptFinal_ex(context, raw(sealed) + length, &length));
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTagBytes,
                           raw(sealed.subspan(plain.size()))));
}

bool open_with(EVP_CIPHER_CTX* context, const Nonce& nonce, ByteView additional, ByteView sealed,
               std::span<std::byte> plain) {
  CHECK(sealed.size() == plain.size() + kTagBytes && plain.size() <= INT32_MAX);
  std::array<std::byte, kTagBytes> tag;
  std::memcpy(tag.data(), sealed.data() + plain.size(), kTagBytes);
  int length = 0;
  must(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, raw(ByteView(nonce))));
  must(EVP_DecryptUpdate(context, nullptr, &length, raw(additional),
                         static_cast<int>(additional.size())));
  must(
      EVP_DecryptUpdate(context, raw(plain), &length, raw(sealed), static_cast<int>(plain.size())));
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()));
  return EVP_DecryptFinal_ex(context, raw(plain) + length, &length) == 1;
}

// What the wrapping authenticates: all that is said but the wrapped key.
std::vector<std::byte> additional_of(SegmentHeader header) {
  header.key.bytes = {};
  return encode_segment_header(header);
}
std::vector<std::byte> additional_of(ReopeningPlace place, Reopening reopening) {
  reopening.key.bytes = {};
  ByteWriter writer;
  writer.raw(place.segment.bytes());
  writer.fixed(place.offset);
  writer.raw(encode_reopening(reopening));
  return writer.take();
}

Result<WalEncryptionKey> wrap_new_key(Runtime& runtime, const WalEncryptionKey& wrapping,
                                      ByteView additional, WrappedKey& key) {
  std::array<std::byte, WalEncryptionKey::kBytes> drawn;
  runtime.random(drawn);
  const WalEncryptionKey data_key = TRY(WalEncryptionKey::from_bytes(drawn));
  OPENSSL_cleanse(drawn.data(), drawn.size());
  Nonce nonce;
  runtime.random(nonce);
  const std::span<std::byte> wrapped(key.bytes);
  std::memcpy(wrapped.data(), nonce.data(), kNonceBytes);
  seal_with(make_context(wrapping, 1).get(), nonce, additional, data_key.bytes(),
            wrapped.subspan(kNonceBytes, WalEncryptionKey::kBytes + kTagBytes));
  return data_key;
}

/// kCorrupt, kInvalid without a place.
Result<WalEncryptionKey> unwrap(const KeyRing* keys, ByteView additional, const WrappedKey& key) {
  if (keys == nullptr) {
    return Error({Code::kInvalid,
                  Reason::kMissingKey,
                  "the segment is encrypted; open the log with its key ring",
                  {},
                  0,
                  key.id});
  }
  const WalEncryptionKey wrapping = TRY(keys->find(key.id));
  const ByteView wrapped(key.bytes);
  Nonce nonce;
  std::memcpy(nonce.data(), wrapped.data(), kNonceBytes);
  std::array<std::byte, WalEncryptionKey::kBytes> plain;
  const bool opened =
      open_with(make_context(wrapping, 0).get(), nonce, additional,
                wrapped.subspan(kNonceBytes, WalEncryptionKey::kBytes + kTagBytes), plain);
  // Of a header that was changed it is the key all the same.
  const Result<WalEncryptionKey> data_key = WalEncryptionKey::from_bytes(plain);
  OPENSSL_cleanse(plain.data(), plain.size());
  if (opened) return data_key;
  return Error(Code::kCorrupt, Reason::kWrongKey,
               "the key of this id does not open the segment: it is another key, or the segment's "
               "header was changed");
}

}  // namespace

struct Cipher::Contexts {
  Context sealing;
  Context opening;
};

Cipher::Cipher(const WalEncryptionKey& data_key)
    : contexts_(new Contexts{make_context(data_key, 1), make_context(data_key, 0)}) {}

Cipher::~Cipher() = default;

void Cipher::seal(uint64_t counter, ByteView additional, ByteView plain,
                  std::span<std::byte> sealed) {
  seal_with(contexts_->sealing.get(), nonce_of(counter), additional, plain, sealed);
}

bool Cipher::open(uint64_t counter, ByteView additional, ByteView sealed,
                  std::span<std::byte> plain) {
  return open_with(contexts_->opening.get(), nonce_of(counter), additional, sealed, plain);
}

static_assert(kNonceBytes + WalEncryptionKey::kBytes + kTagBytes <= kWrappedKeyBytes);

Result<WalEncryptionKey> draw_data_key(Runtime& runtime, const KeyRing& keys,
                                       SegmentHeader& header) {
  header.key = {.id = keys.current_id()};
  const WalEncryptionKey wrapping = TRY(keys.find(header.key.id));
  return wrap_new_key(runtime, wrapping, additional_of(header), header.key);
}

Result<WalEncryptionKey> unwrap_data_key(const KeyRing* keys, const SegmentHeader& header,
                                         std::string_view name) {
  const Result<WalEncryptionKey> key = unwrap(keys, additional_of(header), header.key);
  if (!key.ok()) return key.error().at(name);
  return key;
}

Result<WalEncryptionKey> draw_data_key(Runtime& runtime, const KeyRing& keys, ReopeningPlace place,
                                       Reopening& reopening) {
  reopening.key = {.id = keys.current_id()};
  const WalEncryptionKey wrapping = TRY(keys.find(reopening.key.id));
  return wrap_new_key(runtime, wrapping, additional_of(place, reopening), reopening.key);
}

Result<WalEncryptionKey> unwrap_data_key(const KeyRing* keys, ReopeningPlace place,
                                         const Reopening& reopening) {
  return unwrap(keys, additional_of(place, reopening), reopening.key);
}

}  // namespace wal
}  // namespace sluice
