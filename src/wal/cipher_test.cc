#include "wal/cipher.h"

#include <gtest/gtest.h>

#include "wal/log_fixture.h"

namespace sluice::wal {
namespace {

std::vector<std::byte> sealed(Cipher& cipher, uint64_t counter, std::string_view additional,
                              std::string_view plain) {
  std::vector<std::byte> out(plain.size() + kTagBytes);
  cipher.seal(counter, as_bytes(additional), as_bytes(plain), out);
  return out;
}

std::optional<std::string> opened(Cipher& cipher, uint64_t counter, std::string_view additional,
                                  ByteView bytes) {
  std::vector<std::byte> plain(bytes.size() - kTagBytes);
  if (!cipher.open(counter, as_bytes(additional), bytes, plain)) return std::nullopt;
  return std::string(as_text(plain));
}

TEST(Cipher, OpensWhatItSealedAndAddsATagAlsoToNothing) {
  Cipher cipher(test_key(1));
  for (const std::string& plain :
       {std::string("payload"), std::string(), std::string(70'000, 'x')}) {
    const std::vector<std::byte> bytes = sealed(cipher, 1, "head", plain);
    EXPECT_EQ(bytes.size(), plain.size() + 16);
    EXPECT_EQ(opened(cipher, 1, "head", bytes), plain);
  }
}

// The test of NIST's GCM validation suite with a key and a nonce of zeros and a block of zeros.
TEST(Cipher, IsAes256Gcm) {
  Cipher cipher(test_key(0));
  const std::vector<std::byte> bytes = sealed(cipher, 0, "", std::string(16, '\0'));
  constexpr uint8_t kExpected[] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5,
                                   0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99,
                                   0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
  ASSERT_EQ(bytes.size(), sizeof kExpected);
  EXPECT_EQ(std::memcmp(bytes.data(), kExpected, sizeof kExpected), 0);
}

TEST(Cipher, RefusesAnotherKeyCounterHeadOrByte) {
  Cipher cipher(test_key(1));
  Cipher other(test_key(2));
  const std::vector<std::byte> bytes = sealed(cipher, 7, "head", "payload");
  EXPECT_EQ(opened(other, 7, "head", bytes), std::nullopt);
  EXPECT_EQ(opened(cipher, 8, "head", bytes), std::nullopt);
  EXPECT_EQ(opened(cipher, 7, "Head", bytes), std::nullopt);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::vector<std::byte> flipped = bytes;
    flipped[at] ^= std::byte{0x10};
    EXPECT_EQ(opened(cipher, 7, "head", flipped), std::nullopt) << at;
  }
  EXPECT_EQ(opened(cipher, 7, "head", bytes), "payload") << "and goes on";
}

TEST(EncryptionKey, HasExactly32Bytes) {
  for (const size_t size : {0, 16, 31, 33, 64}) {
    const auto key = WalEncryptionKey::from_bytes(std::vector<std::byte>(size));
    ASSERT_FALSE(key.ok()) << size;
    EXPECT_EQ(key.error().code(), Code::kInvalid);
    EXPECT_EQ(key.error().found(), size);
  }
  EXPECT_EQ(test_key(9).bytes()[31], std::byte{9});
}

TEST(EncryptionKey, IsWipedWhenItEnds) {
  alignas(WalEncryptionKey) std::array<std::byte, sizeof(WalEncryptionKey)> place{};
  auto* const key = new (place.data()) WalEncryptionKey(test_key(0x77));
  ASSERT_EQ(place[0], std::byte{0x77});
  key->~WalEncryptionKey();
  EXPECT_EQ(place, (std::array<std::byte, sizeof(WalEncryptionKey)>{}));
}

TEST(KeyRing, HoldsOneCurrentKeyAndAnyNumberOfOldOnes) {
  KeyRing ring = KeyRing::make(3, test_key(3)).value();
  ASSERT_OK(ring.add(1, test_key(1)));
  ASSERT_OK(ring.add(2, test_key(2)));
  EXPECT_EQ(ring.current_id(), 3u);
  EXPECT_EQ(ring.find(1).value().bytes()[0], std::byte{1});
  EXPECT_EQ(ring.find(3).value().bytes()[0], std::byte{3});
  EXPECT_EQ(ring.add(2, test_key(9)).error().code(), Code::kExists);
  EXPECT_EQ(ring.add(0, test_key(9)).error().code(), Code::kInvalid);
  EXPECT_EQ(KeyRing::make(0, test_key(9)).error().code(), Code::kInvalid);
  EXPECT_EQ(ring.find(4).error().reason(), Reason::kMissingKey);
}

TEST(KeyRing, AsksForWhatItDoesNotHold) {
  KeyRing ring = KeyRing::make(3, test_key(3)).value();
  ring.ask([](uint32_t id) -> Result<WalEncryptionKey> {
    if (id == 8) return test_key(8);
    if (id == 9) return Error(Code::kIo, "the store of keys is away");
    return Error(Code::kNotFound, "no such key");
  });
  EXPECT_EQ(ring.find(8).value().bytes()[0], std::byte{8});
  EXPECT_EQ(ring.find(9).error().code(), Code::kIo);
  EXPECT_EQ(ring.find(10).error().reason(), Reason::kMissingKey);
}

}  // namespace
}  // namespace sluice::wal
