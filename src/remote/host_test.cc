#include "remote/host.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "remote/archive.h"
#include "remote/calls.h"
#include "remote/connect.h"
#include "remote/served_fixture.h"
#include "remote/socket.h"

namespace sluice::remote {
namespace {

namespace fs = std::filesystem;

class HostTest : public testing::Test {
 protected:
  HostTest() { EXPECT_TRUE(served_.engine->create_table(kWeather, weather_spec()).ok()); }

  fs::path socket() const { return fs::path(served_.dir) / "sluice.sock"; }
  Error refusal() const { return connect(served_.dir).error(); }
  /// A connection that speaks as it likes, from behind the hello.
  Socket greeted() const {
    Socket raw = Socket::connect(served_.dir).value();
    EXPECT_TRUE(raw.send(Kind::kHello, 0, encode(kMagic, kVersion)).ok());
    EXPECT_EQ(raw.receive().value()->kind, Kind::kReply);
    return raw;
  }

  ServedEngine served_;
};

Error error_in(const Frame& frame) {
  EXPECT_EQ(frame.kind, Kind::kError);
  return Error(std::get<0>(decode<std::tuple<Error::Body>>(frame.body.view()).value()));
}

/// A connection byte by byte.
class RawConnection {
 public:
  explicit RawConnection(const std::string& path) : file_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    EXPECT_LT(path.size(), sizeof(address.sun_path));
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(file_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~RawConnection() { ::close(file_); }
  void write(ByteView bytes) {
    EXPECT_EQ(::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void end_writing() { ::shutdown(file_, SHUT_WR); }
  /// All that comes until the other side closes.
  std::string read_all() {
    std::string text;
    char piece[4096];
    for (ssize_t got = 0; (got = ::read(file_, piece, sizeof(piece))) > 0;) {
      text.append(piece, static_cast<size_t>(got));
    }
    return text;
  }

 private:
  const int file_;
};

std::vector<std::byte> frame_of(FrameHeader header, ByteView body) {
  const ByteView head = std::as_bytes(std::span(&header, 1));
  std::vector<std::byte> bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

TEST_F(HostTest, AFrameThatBreaksOffIsNotTaken) {
  const Batch batch = weather("oslo", 0, 4);
  std::vector<std::byte> body = encode(kWeather, AppendOptions(), batch.schema());
  body.resize(align_up(body.size(), 8));
  body.insert(body.end(), batch.bytes().begin(), batch.bytes().end());
  const auto append = frame_of({static_cast<uint32_t>(body.size()), Kind::kAppend, 0, 1}, body);
  const auto hello = frame_of({6, Kind::kHello, 0, 0}, encode(kMagic, kVersion));
  const size_t greeting_bytes = sizeof(FrameHeader) + 14;
  for (const size_t kept : {size_t{1}, sizeof(FrameHeader), append.size() - 1, append.size()}) {
    RawConnection raw(socket());
    raw.write(hello);
    raw.write(ByteView(append).first(kept));
    raw.end_writing();
    const std::string answer = raw.read_all();
    EXPECT_EQ(answer.size() > greeting_bytes, kept == append.size());
  }
  // What was accepted before is in the table then.
  EXPECT_EQ(served_.engine->flush().value().rows, 4u);
}

TEST_F(HostTest, AHeaderThatIsNoneEndsTheConnection) {
  const auto hello = frame_of({6, Kind::kHello, 0, 0}, encode(kMagic, kVersion));
  for (const FrameHeader header :
       {FrameHeader{kBodyBytesMax + 1, Kind::kTables, 0, 1}, FrameHeader{0, Kind::kTables, 1, 1}}) {
    RawConnection raw(socket());
    raw.write(hello);
    raw.write(frame_of(header, {}));
    EXPECT_EQ(raw.read_all().size(), sizeof(FrameHeader) + 14);
  }
  EXPECT_TRUE(connect(served_.dir).value()->describe(kWeather).ok());
}

TEST_F(HostTest, TheSocketIsForThisUserAlone) {
  struct stat node = {};
  ASSERT_EQ(::stat(socket().c_str(), &node), 0);
  EXPECT_TRUE(S_ISSOCK(node.st_mode));
  EXPECT_EQ(node.st_mode & 0777u, 0600u);
}

TEST_F(HostTest, NobodyIsFoundWhereNobodyListens) {
  EXPECT_TRUE(connect(served_.dir).ok());
  served_.host->stop();
  EXPECT_FALSE(fs::exists(socket()));
  EXPECT_EQ(refusal().code(), Code::kNotFound);
  EXPECT_EQ(connect(served_.dir + "/nowhere").error().code(), Code::kNotFound);
  served_.host->stop();  // once more is harmless
}

TEST_F(HostTest, TakesThePlaceOfASocketThatADeadProcessLeft) {
  served_.stop();
  {
    auto dead = Listening::at(served_.dir).value();
    fs::rename(socket(), served_.dir + "/kept");
  }
  fs::rename(served_.dir + "/kept", socket());
  EXPECT_EQ(refusal().code(), Code::kNotFound);
  served_.start();
  EXPECT_TRUE(connect(served_.dir).ok());
}

TEST_F(HostTest, LeavesTheSocketOfWhoeverCameAfter) {
  ServedEngine& first = served_;
  const auto second = Host::start(*first.engine, first.dir).value();
  first.host->stop();
  EXPECT_TRUE(connect(first.dir).ok());
}

TEST_F(HostTest, ServesADirectoryWhosePathNoAddressHolds) {
  const fs::path deep = fs::path(served_.dir) / std::string(120, 'd') / std::string(120, 'e');
  fs::create_directories(deep);
  const auto host = Host::start(*served_.engine, deep.string()).value();
  EXPECT_TRUE(fs::is_socket(deep / "sluice.sock"));
  EXPECT_TRUE(connect(deep.string()).value()->describe(kWeather).ok());
}

TEST_F(HostTest, IsNotStartedWhereThereIsNoDirectory) {
  EXPECT_EQ(Host::start(*served_.engine, served_.dir + "/nowhere").error().code(), Code::kNotFound);
}

TEST_F(HostTest, TellsAClientOfAnotherVersionSo) {
  Socket raw = Socket::connect(served_.dir).value();
  ASSERT_TRUE(raw.send(Kind::kHello, 0, encode(kMagic, uint16_t{kVersion + 1})).ok());
  const Error error = error_in(*raw.receive().value());
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_EQ(error.reason(), Reason::kVersion);
  EXPECT_EQ(error.expected(), kVersion);
  EXPECT_EQ(error.found(), kVersion + 1u);
  EXPECT_FALSE(raw.receive().value().has_value());
}

TEST_F(HostTest, LeavesAClientThatDoesNotGreet) {
  Socket raw = Socket::connect(served_.dir).value();
  ASSERT_TRUE(raw.send(Kind::kFlushAll, 0, {}).ok());
  EXPECT_FALSE(raw.receive().value().has_value());
}

TEST_F(HostTest, AnswersWhatDoesNotDecodeAndGoesOn) {
  Socket raw = greeted();
  const std::vector<std::byte> name = encode(kWeather);
  const std::vector<std::byte> longer = encode(kWeather, true);
  for (const ByteView body : {ByteView(name).first(name.size() - 1), ByteView(longer)}) {
    ASSERT_TRUE(raw.send(Kind::kDescribe, 1, body).ok());
    const Error error = error_in(*raw.receive().value());
    EXPECT_EQ(error.code(), Code::kCorrupt);
    EXPECT_EQ(error.reason(), Reason::kDecodeFailure);
  }
  ASSERT_TRUE(raw.send(static_cast<Kind>(200), 2, {}).ok());
  EXPECT_EQ(error_in(*raw.receive().value()).code(), Code::kUnsupported);
  ASSERT_TRUE(raw.send(Kind::kNext, 3, encode(uint64_t{1})).ok());
  EXPECT_EQ(error_in(*raw.receive().value()).code(), Code::kInvalid);
  ASSERT_TRUE(raw.send(Kind::kScan, 4, encode(ScanOptions())).ok());
  EXPECT_EQ(error_in(*raw.receive().value()).code(), Code::kInvalid);
  ASSERT_TRUE(raw.send(Kind::kDescribe, 5, name).ok());
  EXPECT_EQ(raw.receive().value()->kind, Kind::kReply);
}

TEST_F(HostTest, RefusesABatchWhoseBytesAreNone) {
  Socket raw = greeted();
  const Batch batch = weather("oslo", 0, 4);
  std::vector<std::byte> head = encode(kWeather, AppendOptions(), batch.schema());
  head.resize(align_up(head.size(), 8));
  ASSERT_TRUE(raw.send(Kind::kAppend, 1, head, batch.bytes().first(batch.bytes().size() - 8)).ok());
  EXPECT_EQ(error_in(*raw.receive().value()).code(), Code::kCorrupt);
  EXPECT_EQ(served_.engine->status().appends, 0u);
}

TEST_F(HostTest, DoesNotNestDeeperThanItsLimit) {
  const auto remote = connect(served_.dir).value();
  const auto snapshot = remote->snapshot(kWeather).value();
  const auto nested = [](int depth) {
    ScanOptions options;
    options.where = parse_predicate("temp is null").value();
    for (int i = 1; i < depth; ++i) {
      Predicate negation;
      negation.op = Predicate::Op::kNot;
      negation.operands.push_back(*std::move(options.where));
      options.where = std::move(negation);
    }
    return options;
  };
  EXPECT_TRUE(snapshot->scan(nested(kNestingMax)).ok());
  EXPECT_EQ(snapshot->scan(nested(kNestingMax + 1)).error().reason(), Reason::kDecodeFailure);
}

TEST_F(HostTest, AnAppendTooLargeForAFrameIsNotSent) {
  const auto remote = connect(served_.dir).value();
  BatchBuilder builder(Schema::make({{"text", Type::kString}}).value());
  builder.append_row(std::string(60u << 20, 'x'));
  const Batch large = builder.finish().value();
  const auto fits = remote->append(kWeather, large);
  EXPECT_NE(fits.error().reason(), Reason::kPayloadTooLarge);
  AppendOptions options;
  options.source = SourcePosition{std::string(10u << 20, 's'), 1};
  const auto refused = remote->append(kWeather, large, options);
  EXPECT_EQ(refused.error().reason(), Reason::kPayloadTooLarge);
  EXPECT_TRUE(remote->describe(kWeather).ok());
}

TEST_F(HostTest, AClientThatTakesNoAnswersHoldsOnlyItself) {
  Socket silent = greeted();
  const Batch batch = weather("oslo", 0, 1);
  std::vector<std::byte> head = encode(kWeather, AppendOptions(), batch.schema());
  head.resize(align_up(head.size(), 8));
  // More than the socket and the queue of acks hold: the sending ends when nobody reads any more.
  std::atomic<uint64_t> sent = 0;
  std::thread sending([&] {
    while (silent.send(Kind::kAppend, sent + 1, head, batch.bytes()).ok()) ++sent;
  });
  const auto other = connect(served_.dir).value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(other->append(kWeather, weather("rome", i, 1)).ok());
  }
  EXPECT_TRUE(other->flush(kWeather).ok());
  EXPECT_GE(count_rows(*other, kWeather), 100u);
  // The host waits for it, but not for long.
  ASSERT_TRUE(served_.engine->close().ok());
  served_.host->stop();
  sending.join();
  EXPECT_GT(sent, 0u);
}

TEST_F(HostTest, RefusesMoreConnectionsThanItServes) {
  std::vector<Socket> guests;
  for (size_t i = 0; i < Host::kConnectionsMax; ++i) guests.push_back(greeted());
  EXPECT_EQ(refusal().code(), Code::kBusy);
  EXPECT_EQ(refusal().reason(), Reason::kQuota);
  guests.clear();
  // Their threads end by and by.
  while (!connect(served_.dir).ok()) std::this_thread::yield();
}

TEST_F(HostTest, WritersThatLoseTheServerWereToldYesOrAClearNo) {
  constexpr int kWriters = 16;
  std::vector<std::unique_ptr<Engine>> remotes;
  for (int i = 0; i < 4; ++i) remotes.push_back(connect(served_.dir).value());
  std::atomic<uint64_t> acknowledged = 0;
  std::vector<Code> ends(kWriters);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0;; ++i) {
        const auto ack =
            remotes[writer % 4]->append(kWeather, weather("s" + std::to_string(writer), i, 1));
        if (!ack.ok()) {
          ends[writer] = ack.error().code();
          return;
        }
        ++acknowledged;
      }
    });
  }
  while (acknowledged < 200) std::this_thread::yield();
  ASSERT_TRUE(served_.engine->close().ok());
  for (std::thread& writer : writers) writer.join();
  for (const Code end : ends) EXPECT_EQ(end, Code::kCancelled);
  served_.stop();
  served_.start();
  EXPECT_EQ(count_rows(*served_.engine, kWeather), acknowledged);
}

TEST_F(HostTest, EndsCallsThatWaitWhenTheEngineCloses) {
  const auto remote = connect(served_.dir).value();
  std::promise<Result<Appended>> verdict;
  AppendOptions options;
  options.ack = AckClass::kTable;
  ASSERT_TRUE(remote
                  ->append(kWeather, weather("oslo", 0, 1), options,
                           [&](Result<Appended> told) { verdict.set_value(std::move(told)); })
                  .ok());
  ASSERT_TRUE(served_.engine->close().ok());
  EXPECT_TRUE(verdict.get_future().get().ok());  // the close flushed it
  served_.host->stop();
  EXPECT_EQ(remote->flush().error().code(), Code::kIo);
}

}  // namespace
}  // namespace sluice::remote
