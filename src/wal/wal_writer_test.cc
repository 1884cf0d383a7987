// WalWriter: LSNs, fields, batches, sealing, and keys.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/crc32c.h"
#include "sluice/wal_file.h"
#include "wal/cipher.h"
#include "wal/reopening.h"
#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

class WalLog : public WalFileTest {
 protected:
  /// Strictly, but for what is chosen otherwise.
  Result<WalWriter> open(WalFileOptions options = {}) {
    options.repair = options.repair.value_or(RepairPolicy::kStrict);
    return WalWriter::open(runtime_, disk_, kFile, std::move(options));
  }
  Result<WalWriter> create(Lsn start_lsn, WalFileOptions options = {}) {
    return WalWriter::create(runtime_, disk_, kFile, start_lsn, std::move(options));
  }
  /// A life of the log: opened, so many records more, closed.
  void write(Lsn count, const WalFileOptions& options = {}) {
    WalWriter log = open(options).value();
    put_synced(log, count);
    ASSERT_OK(log.close());
  }
};

TEST_F(WalLog, NumbersRecordsFromOne) {
  WalWriter log = open().value();
  EXPECT_EQ(log.next_lsn(), 1u);
  for (const Lsn lsn : {1, 2, 3}) {
    EXPECT_EQ(log.append({.head = as_bytes("record")}).value(), lsn);
    EXPECT_EQ(log.current_lsn(), lsn);
    EXPECT_EQ(log.next_lsn(), lsn + 1);
  }
}

TEST_F(WalLog, GoesOnBehindItsLastRecordAfterReopening) {
  for (Lsn life = 0; life < 4; ++life) {
    EXPECT_EQ(open().value().current_lsn(), 3 * life);
    write(3);
  }
  EXPECT_EQ(frames().value(), numbered(12));
}

TEST_F(WalLog, KeepsEveryField) {
  const std::string every_byte = [] {
    std::string text;
    for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
    return text;
  }();
  const WalRecord records[] = {
      {.type = kWalTypeMin, .head = as_bytes("")},
      {.type = kWalTypeMax, .vshard = 0xffff, .tenant = 0xffffffff, .head = as_bytes(every_byte)},
      {.type = kWalRequired | 100,
       .vshard = 2,
       .tenant = 3,
       .head = as_bytes("head and "),
       .body = as_bytes("body")},
  };
  {
    WalWriter log = open().value();
    for (const WalRecord& record : records) ASSERT_OK(log.append(record));
    ASSERT_OK(log.close());
  }
  const auto read = parser();
  size_t found = 0;
  while (const auto frame = read->next().value()) {
    if (is_own_type(frame->type)) continue;
    ASSERT_LT(found, std::size(records));
    const WalRecord& record = records[found++];
    EXPECT_EQ(frame->lsn, found);
    EXPECT_EQ(frame->type, record.type);
    EXPECT_EQ(frame->vshard, record.vshard);
    EXPECT_EQ(frame->tenant, record.tenant);
    EXPECT_EQ(as_text(frame->payload),
              std::string(as_text(record.head)) + std::string(as_text(record.body)));
  }
  EXPECT_EQ(found, std::size(records));
}

TEST_F(WalLog, GivesABatchConsecutiveLsnsAndAnswersTheFirst) {
  WalWriter log = open().value();
  put_synced(log, 2);
  const WalRecord batch[] = {{.head = as_bytes("record 3")}, {.head = as_bytes("record 4")}};
  EXPECT_EQ(log.append(batch).value(), 3u);
  EXPECT_EQ(log.current_lsn(), 4u);
  ASSERT_OK(log.close());
  EXPECT_EQ(frames().value(), numbered(4));
}

TEST_F(WalLog, RefusesTypesThatAreItsOwnOrSayThatItEncrypted) {
  WalWriter log = open().value();
  for (const int type : {0, 1, 15, 0x4000, 0x4010, 0x7fff, 0x8000, 0x800f, 0xc010, 0xffff}) {
    EXPECT_TRUE(fails_with(log.append({.type = static_cast<uint16_t>(type)}), Code::kInvalid,
                           Reason::kOutOfRange))
        << type;
  }
  EXPECT_EQ(log.next_lsn(), 1u);
  for (const int type : {0x10, 0x3fff, 0x8010, 0xbfff}) {
    ASSERT_OK(log.append({.type = static_cast<uint16_t>(type)}));
  }
  EXPECT_EQ(log.next_lsn(), 5u);
}

TEST_F(WalLog, RefusesABatchOfNothing) {
  WalWriter log = open().value();
  EXPECT_TRUE(fails_with(log.append(std::span<const WalRecord>()), Code::kInvalid));
  EXPECT_EQ(log.append({.head = as_bytes("record")}).value(), 1u);
}

TEST_F(WalLog, RefusesABatchWholeIfOneOfItsRecordsWillNotDo) {
  WalWriter log = open({.payload_bytes_max = 10}).value();
  ASSERT_OK(put(log, "record 1"));
  const WalRecord batch[] = {{.head = as_bytes("record 2")},
                             {.head = as_bytes("too large"), .body = as_bytes(" by 3")}};
  EXPECT_TRUE(fails_with(log.append(batch), Code::kInvalid, Reason::kPayloadTooLarge));
  const WalRecord typed[] = {{.head = as_bytes("record 2")}, {.type = 3}};
  EXPECT_TRUE(fails_with(log.append(typed), Code::kInvalid, Reason::kOutOfRange));
  EXPECT_EQ(log.next_lsn(), 2u);
  ASSERT_OK(put(log, "record 2"));
  ASSERT_OK(log.close());
  EXPECT_EQ(frames().value(), numbered(2));
}

TEST_F(WalLog, TakesNoRecordOnceItIsSealed) {
  WalWriter log = open().value();
  ASSERT_OK(put(log, "record 1"));
  ASSERT_OK(log.seal());
  EXPECT_EQ(log.durable_lsn(), 1u);
  EXPECT_TRUE(fails_with(put(log, "late"), Code::kInvalid, Reason::kSealed));
  ASSERT_OK(log.sync());
  ASSERT_OK(log.seal());
  EXPECT_EQ(log.current_lsn(), 1u);
  lose_power();
  EXPECT_EQ(frames().value(), numbered(1));
  ASSERT_OK(log.close());
}

TEST_F(WalLog, IsNotSealedByASyncThatFails) {
  WalWriter log = open().value();
  ASSERT_OK(put(log, "record 1"));
  disk_.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_TRUE(fails_with(log.seal(), Code::kFull));
  ASSERT_OK(put(log, "record 2"));
  disk_.fail(DiskOp::kSync, Code::kIo);
  EXPECT_TRUE(fails_with(log.seal(), Code::kPoisoned));
  EXPECT_TRUE(fails_with(log.seal(), Code::kPoisoned));
}

TEST_F(WalLog, IsMadeWithTheFirstLsnThatIsAskedFor) {
  {
    WalWriter log = create(1000).value();
    EXPECT_EQ(log.current_lsn(), 999u);
    EXPECT_EQ(log.durable_lsn(), 999u);
  }
  {
    WalWriter log = open().value();
    EXPECT_EQ(log.next_lsn(), 1000u);
    EXPECT_EQ(log.append({.head = as_bytes("first")}).value(), 1000u);
    ASSERT_OK(log.close());
  }
  EXPECT_EQ(frames().value(), (TestFrames{{1000, "first"}}));
}

TEST_F(WalLog, IsMadeAnewOnlyWhereThereAreNoRecords) {
  ASSERT_OK(disk_.create(kFile));
  ASSERT_OK(create(5));
  ASSERT_OK(create(7));
  {
    WalWriter log = open().value();
    EXPECT_EQ(log.next_lsn(), 7u);
    ASSERT_OK(put(log, "record"));
    ASSERT_OK(log.close());
  }
  const std::string before = everything();
  EXPECT_TRUE(fails_with(create(9), Code::kExists));
  EXPECT_TRUE(fails_with(create(7), Code::kExists));
  EXPECT_TRUE(everything() == before);
}

TEST_F(WalLog, IsNotMadeAnewOverATornOrUnreadableFile) {
  write(2);
  const std::string sound = content();
  truncate(offsets()[0] + 10);
  const std::string torn = content();
  EXPECT_TRUE(fails_with(create(1), Code::kExists));
  EXPECT_TRUE(content() == torn);
  restore("somebody else's file");
  EXPECT_FALSE(create(1).ok());
  EXPECT_EQ(content(), "somebody else's file");
}

TEST_F(WalLog, StartsAtNoLsnThatIsZeroOrLeavesNoneAboveIt) {
  for (const Lsn start : {Lsn{0}, kLsnMax, ~Lsn{0}}) {
    EXPECT_TRUE(fails_with(create(start), Code::kInvalid, Reason::kOutOfRange));
    EXPECT_FALSE(disk_.has(kFile));
  }
  WalWriter log = create(kLsnMax - 1).value();
  EXPECT_EQ(log.append({.head = as_bytes("last")}).value(), kLsnMax - 1);
  EXPECT_EQ(log.append({.head = as_bytes("none is left")}).error().code(), Code::kInvalid);
  ASSERT_OK(log.close());
  EXPECT_EQ(frames().value(), (TestFrames{{kLsnMax - 1, "last"}}));
}

TEST_F(WalLog, CutsWhatNoMarkConfirmsThoughRecordsFollow) {
  const std::string texts[] = {"record 2", "record 3", "record 4"};
  {
    WalWriter log = open().value();
    put_synced(log, 1);
    for (const std::string& text : texts) ASSERT_OK(put(log, text));
    ASSERT_OK(log.sync());
    kill(std::move(log));
  }
  const uint64_t second = offsets()[1];
  flip(second + sizeof(FrameHeader));
  EXPECT_TRUE(is_damaged_at(second, Reason::kCrcMismatch, open()));
  {
    const auto log = open(policy(RepairPolicy::kTruncatePartial));
    ASSERT_OK(log);
    EXPECT_EQ(log->repair().offset, second);
    EXPECT_EQ(log->repair().reason, Reason::kCrcMismatch);
    const std::string kept(as_text(disk_.bytes(log->repair().quarantine)));
    for (const std::string& text : {texts[1], texts[2]}) EXPECT_NE(kept.find(text), kept.npos);
  }
  EXPECT_EQ(frames().value(), numbered(1));
  write(3);
  EXPECT_EQ(frames().value(), numbered(4));
}

TEST_F(WalLog, NeverCallsDurableWhatNoSyncHasConfirmed) {
  WalWriter log = open().value();
  EXPECT_EQ(log.durable_lsn(), 0u);
  ASSERT_OK(put(log, "record 1"));
  EXPECT_EQ(log.durable_lsn(), 0u);
  ASSERT_OK(log.sync());
  EXPECT_EQ(log.durable_lsn(), 1u);
  ASSERT_OK(put(log, std::string(300'000, 'x')));  // written at once
  EXPECT_EQ(log.durable_lsn(), 1u);
  disk_.fail(DiskOp::kWrite, Code::kFull);
  ASSERT_OK(put(log, "record 3"));
  EXPECT_FALSE(log.sync().ok());
  EXPECT_EQ(log.durable_lsn(), 1u);
  disk_.fail(DiskOp::kSync, Code::kIo);
  EXPECT_FALSE(log.sync().ok());
  EXPECT_EQ(log.durable_lsn(), 1u);
  EXPECT_FALSE(log.close().ok());
  EXPECT_EQ(log.durable_lsn(), 1u);
}

TEST_F(WalLog, CallsDurableWhatItFoundWhenItWasOpened) {
  write(3);
  EXPECT_EQ(open().value().durable_lsn(), 3u);
}

// W9
TEST_F(WalLog, IsAsItWasAfterAnAppendThatFailsMidway) {
  const std::string large(700'000, 'x');
  for (const auto& keys : {std::shared_ptr<const KeyRing>(), test_ring(1, 0x11)}) {
    for (int place = 0; place < 3; ++place) {
      disk_.set_image({});
      {
        WalWriter log = open({.keys = keys}).value();
        put_synced(log, 1);
        ASSERT_OK(put(log, "record 2"));
        disk_.fail(DiskOp::kWrite, Code::kFull, place);
        EXPECT_TRUE(fails_with(put(log, large), Code::kFull)) << place;
        EXPECT_EQ(log.next_lsn(), 3u);
        put_synced(log, 1);
        kill(std::move(log));
      }
      lose_power();
      EXPECT_EQ(frames(keys.get()).value(), numbered(3));
      ASSERT_OK(open({.keys = keys}));  // nothing of it is left
    }
  }
}

TEST_F(WalLog, IsPoisonedIfWhatAFailedAppendLeftCannotBeRemoved) {
  WalWriter log = open().value();
  put_synced(log, 1);
  disk_.fail(DiskOp::kWrite, Code::kFull, 1);
  disk_.fail(DiskOp::kAllocate, Code::kIo, 1);  // the first one makes room
  EXPECT_TRUE(fails_with(put(log, std::string(700'000, 'x')), Code::kPoisoned));
  EXPECT_TRUE(fails_with(log.sync(), Code::kPoisoned));
  EXPECT_TRUE(fails_with(put(log, "record"), Code::kPoisoned));
  EXPECT_TRUE(fails_with(log.seal(), Code::kPoisoned));
  EXPECT_TRUE(fails_with(log.set_keys(test_ring(1, 0x11)), Code::kPoisoned));
  EXPECT_TRUE(fails_with(log.close(), Code::kPoisoned));
  EXPECT_EQ(log.durable_lsn(), 1u);
}

TEST_F(WalLog, RefusesALogThatItsCallerNumbers) {
  {
    WalFsWriter log = WalFsWriter::open(runtime_, disk_, kFile, {}).value();
    put_synced(log, 2);
    ASSERT_OK(log.close());
  }
  const std::string before = everything();
  for (const RepairPolicy repair : kPolicies) {
    EXPECT_TRUE(fails_with(open(policy(repair)), Code::kInvalid));
  }
  EXPECT_TRUE(everything() == before);
  ASSERT_OK(WalFsWriter::open(runtime_, disk_, kFile, {}));
}

TEST_F(WalLog, OnAPathCutsATornTailUnlessOptionsSayOtherwise) {
  std::string folder = ::testing::TempDir() + "wal-log-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/events.log";
  {
    WalWriter log = WalWriter::create(path, 40, {}).value();
    EXPECT_EQ(log.append({.head = as_bytes("forty")}).value(), 40u);
    ASSERT_OK(log.close());
  }
  EXPECT_TRUE(fails_with(WalWriter::create(path, 40, {}), Code::kExists));
  std::ofstream(path, std::ios::app | std::ios::binary) << "junk";
  EXPECT_TRUE(fails_with(WalWriter::open(path, policy(RepairPolicy::kStrict)), Code::kCorrupt,
                         Reason::kIncompleteHeader));
  {
    const auto log = WalWriter::open(path);
    ASSERT_OK(log);
    EXPECT_EQ(log->repair().torn_bytes, 4u);
    EXPECT_EQ(log->current_lsn(), 40u);
  }
  ASSERT_OK(WalWriter::open(path, policy(RepairPolicy::kStrict)));
  std::filesystem::remove_all(folder);
}

class WalLogSealed : public WalLog {
 protected:
  static WalFileOptions sealed(uint32_t id = 1, uint8_t fill = 0x11,
                               RepairPolicy repair = RepairPolicy::kStrict) {
    return {.repair = repair, .keys = test_ring(id, fill)};
  }
  /// The new key, and the old one for what it sealed.
  static std::shared_ptr<const KeyRing> rotated() {
    KeyRing ring = KeyRing::make(2, test_key(0x22)).value();
    EXPECT_TRUE(ring.add(1, test_key(0x11)).ok());
    return std::make_shared<const KeyRing>(std::move(ring));
  }
  /// No opening of any policy takes the file, or changes anything.
  void expect_refused(Code code, Reason reason, WalFileOptions options) {
    const std::string before = everything();
    for (const RepairPolicy repair : kPolicies) {
      options.repair = repair;
      EXPECT_TRUE(fails_with(open(options), code, reason));
      EXPECT_TRUE(everything() == before);
    }
  }
  /// What each sealed frame holds encrypted.
  std::vector<std::string> ciphertexts(const KeyRing* keys) {
    std::vector<std::string> found;
    for (const uint64_t offset : offsets(std::nullopt, keys)) {
      const auto frame = load<FrameHeader>(bytes().data() + offset);
      found.push_back(content().substr(offset + sizeof frame + sizeof(SealedHeader),
                                       frame.payload_bytes - sizeof(SealedHeader)));
    }
    return found;
  }
  void overwrite(uint64_t offset, ByteView with) {
    std::copy(with.begin(), with.end(), bytes().begin() + static_cast<ptrdiff_t>(offset));
    disk_.settle(kFile);
  }
};

TEST_F(WalLogSealed, ComesBackWithTheKeyAloneAndShowsNothingInAnyFile) {
  for (int life = 0; life < 3; ++life) write(2, sealed());
  {
    WalWriter log = open(sealed()).value();
    ASSERT_OK(put(log, "record 7" + std::string(90'000, 'r')));
    ASSERT_OK(log.sync());
    kill(std::move(log));
  }
  truncate(offsets(std::nullopt, sealed().keys.get())[6] + 5000);
  {
    const auto log = open(sealed(1, 0x11, RepairPolicy::kTruncatePartial));
    ASSERT_OK(log);
    EXPECT_TRUE(disk_.has(log->repair().quarantine));
  }
  EXPECT_EQ(frames(sealed().keys.get()).value(), numbered(6));
  const std::string all = everything();
  for (const std::string& secret :
       {std::string("record"), std::string("rrrr"), std::string(16, '\x11')}) {
    EXPECT_EQ(all.find(secret), all.npos) << secret;
  }
}

TEST_F(WalLogSealed, IsNotOpenedWithAnotherKeyOrWithout) {
  write(2, sealed());
  expect_refused(Code::kCorrupt, Reason::kWrongKey, sealed(1, 0x12));
  expect_refused(Code::kInvalid, Reason::kMissingKey, sealed(2, 0x11));
  expect_refused(Code::kInvalid, Reason::kMissingKey, {});
}

TEST_F(WalLogSealed, IsRefusedWithoutItsKeyThoughItsTailIsTorn) {
  write(2, sealed());
  add("junk");
  expect_refused(Code::kCorrupt, Reason::kWrongKey, sealed(1, 0x12));
  expect_refused(Code::kInvalid, Reason::kMissingKey, {});
}

TEST_F(WalLogSealed, NeverWritesTheSameBytesTwiceForTheSameRecords) {
  std::vector<std::string> found;
  for (int log_file = 0; log_file < 2; ++log_file) {
    disk_.set_image({});
    for (int life = 0; life < 3; ++life) {
      WalWriter log = open(sealed()).value();
      for (int i = 0; i < 2; ++i) {
        ASSERT_OK(put(log, std::string(64, 's')));
        ASSERT_OK(log.sync());
      }
      ASSERT_OK(log.close());
    }
    const auto these = ciphertexts(sealed().keys.get());
    ASSERT_EQ(these.size(), 6u);
    found.insert(found.end(), these.begin(), these.end());
  }
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), 12u);
}

TEST_F(WalLogSealed, GoesOnUnderANewKeyAndReadsWhatTheOldOneSealed) {
  {
    WalWriter log = open(sealed()).value();
    EXPECT_EQ(log.key_ring()->current_id(), 1u);
    put_synced(log, 2);
    ASSERT_OK(put(log, "record 3"));
    const auto ring = rotated();
    ASSERT_OK(log.set_keys(ring));
    EXPECT_EQ(log.durable_lsn(), 3u) << "what was sealed under the old key is synced";
    EXPECT_EQ(log.key_ring(), ring);
    put_synced(log, 2);
    ASSERT_OK(log.close());
  }
  const auto only_old = test_ring(1, 0x11);
  const auto only_new = test_ring(2, 0x22);
  EXPECT_EQ(frames(rotated().get()).value(), numbered(5));
  EXPECT_TRUE(fails_with(frames(only_old.get()), Code::kInvalid, Reason::kMissingKey));
  expect_refused(Code::kInvalid, Reason::kMissingKey, {.keys = only_old});
  expect_refused(Code::kInvalid, Reason::kMissingKey, {.keys = only_new});
  write(1, {.keys = rotated()});
  EXPECT_EQ(frames(rotated().get()).value(), numbered(6));
}

TEST_F(WalLogSealed, BeginsAndEndsToEncryptWhenItIsTold) {
  {
    WalWriter log = open().value();
    EXPECT_EQ(log.key_ring(), nullptr);
    put_synced(log, 1);
    ASSERT_OK(log.set_keys(test_ring(1, 0x11)));
    put_synced(log, 1);
    ASSERT_OK(log.set_keys(nullptr));
    EXPECT_EQ(log.key_ring(), nullptr);
    put_synced(log, 1);
    ASSERT_OK(log.close());
  }
  EXPECT_EQ(frames(sealed().keys.get()).value(), numbered(3));
  const std::string all = content();
  EXPECT_NE(all.find("record 1"), all.npos);
  EXPECT_EQ(all.find("record 2"), all.npos);
  EXPECT_NE(all.find("record 3"), all.npos);
  expect_refused(Code::kInvalid, Reason::kMissingKey, {});
}

TEST_F(WalLogSealed, IsNotGivenKeysThatASyncCouldNotPrecede) {
  WalWriter log = open(sealed()).value();
  const auto before = log.key_ring();
  ASSERT_OK(put(log, "record 1"));
  disk_.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_TRUE(fails_with(log.set_keys(rotated()), Code::kFull));
  EXPECT_EQ(log.key_ring(), before);
  ASSERT_OK(put(log, "record 2"));
  ASSERT_OK(log.close());
  EXPECT_TRUE(fails_with(log.set_keys(rotated()), Code::kInvalid, Reason::kClosed));
  EXPECT_EQ(frames(before.get()).value(), numbered(2));
}

TEST_F(WalLogSealed, HasItsNewKeyInTheFileBeforeARecordNeedsIt) {
  write(2, sealed());
  {
    WalWriter log = open(sealed()).value();
    ASSERT_OK(log.set_keys(rotated()));
  }
  expect_refused(Code::kInvalid, Reason::kMissingKey, sealed());
  write(1, {.keys = rotated()});
  EXPECT_EQ(frames(rotated().get()).value(), numbered(3));
}

TEST_F(WalLogSealed, KeepsItsKeysWhereAFullDiskHasNoRoomForOthers) {
  WalWriter log = open(sealed()).value();
  const auto before = log.key_ring();
  put_synced(log, 1);
  disk_.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_TRUE(fails_with(log.set_keys(rotated()), Code::kFull));
  EXPECT_EQ(log.key_ring(), before);
  put_synced(log, 1);
  EXPECT_EQ(frames(before.get()).value(), numbered(2));
  ASSERT_OK(log.set_keys(rotated()));
  put_synced(log, 1);
  ASSERT_OK(log.seal());
  EXPECT_TRUE(fails_with(log.set_keys(before), Code::kInvalid, Reason::kSealed));
  ASSERT_OK(log.close());
  EXPECT_EQ(frames(rotated().get()).value(), numbered(3));
}

TEST_F(WalLogSealed, ThatMustBeEncryptedTakesNoPlaintext) {
  const WalFileOptions no_key{.plaintext = Plaintext::kRefused};
  EXPECT_TRUE(fails_with(open(no_key), Code::kInvalid, Reason::kMissingKey));
  EXPECT_TRUE(fails_with(create(3, no_key), Code::kInvalid, Reason::kMissingKey));
  EXPECT_FALSE(disk_.has(kFile));
  WalFileOptions refusing = sealed();
  refusing.plaintext = Plaintext::kRefused;
  {
    WalWriter log = open(refusing).value();
    put_synced(log, 1);
    EXPECT_TRUE(fails_with(log.set_keys(nullptr), Code::kInvalid, Reason::kMissingKey));
    put_synced(log, 1);
    ASSERT_OK(log.close());
  }
  EXPECT_EQ(open(refusing).value().current_lsn(), 2u);
  EXPECT_EQ(content().find("record"), std::string::npos);
}

TEST_F(WalLogSealed, ThatMustBeEncryptedIsNotOpenedWithPlaintextInIt) {
  write(2);
  WalFileOptions refusing = sealed();
  refusing.plaintext = Plaintext::kRefused;
  expect_refused(Code::kCorrupt, Reason::kDecodeFailure, refusing);
  write(1, sealed());
  expect_refused(Code::kCorrupt, Reason::kDecodeFailure, refusing);
  EXPECT_EQ(open(sealed()).value().current_lsn(), 3u);
}

TEST_F(WalLogSealed, NoticesAHeaderThatSomebodyWithoutTheKeyChanged) {
  write(2, sealed());
  const SegmentHeader sound =
      decode_segment_header(ByteView(bytes()).first(kBlockBytes), kFile).value();
  const std::function<void(SegmentHeader&)> changes[] = {
      [&](SegmentHeader& header) { header.log = LogId::draw(runtime_); },
      [&](SegmentHeader& header) { header.numbering = Numbering::kRising; },
      [&](SegmentHeader& header) { header.opening = OpeningId::draw(runtime_); }};
  for (const auto& change : changes) {
    SegmentHeader header = sound;
    change(header);
    overwrite(0, encode_segment_header(header));
    expect_refused(Code::kCorrupt, Reason::kWrongKey, sealed());
  }
  overwrite(0, encode_segment_header(sound));
  ASSERT_OK(open(sealed()));
}

TEST_F(WalLogSealed, NoticesAReopeningThatSomebodyWithoutTheKeyChanged) {
  write(2, sealed());
  write(2, sealed());
  const uint64_t offset = offsets(kReopeningType, sealed().keys.get()).at(0);
  const ByteView payload = ByteView(bytes()).subspan(offset + sizeof(FrameHeader), kReopeningBytes);
  Reopening reopening = decode_reopening(payload).value();
  reopening.opening = OpeningId::draw(runtime_);
  overwrite(offset + sizeof(FrameHeader), encode_reopening(reopening));
  // Its checksums fit.
  auto frame = load<FrameHeader>(bytes().data() + offset);
  const SegmentHeader header =
      decode_segment_header(ByteView(bytes()).first(kBlockBytes), kFile).value();
  const uint32_t seed = frame_seed(header.segment, offset);
  frame.payload_crc = crc32c(encode_reopening(reopening), seed);
  frame.header_crc = header_checksum(frame, seed);
  overwrite(offset, std::as_bytes(std::span(&frame, 1)));
  EXPECT_TRUE(is_damaged_at(offset, Reason::kWrongKey, open(sealed())));
  expect_refused(Code::kCorrupt, Reason::kWrongKey, sealed());
}

TEST_F(WalLogSealed, HoldsTheLargestPayloadThatFitsAPlainLog) {
  const std::string largest(kWalPayloadBytesMax, 'x');
  {
    WalWriter log = open(sealed()).value();
    ASSERT_OK(put(log, largest));
    ASSERT_OK(log.close());
  }
  const TestFrames found = frames(sealed().keys.get()).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].second == largest);
}

}  // namespace
}  // namespace sluice::wal
