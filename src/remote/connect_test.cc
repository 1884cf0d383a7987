#include "remote/connect.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "remote/archive.h"
#include "remote/calls.h"
#include "remote/served_fixture.h"
#include "remote/socket.h"

namespace sluice::remote {
namespace {

/// A host that says what a test wants it to say.
class PlayedHost {
 public:
  PlayedHost() {
    dir = testing::TempDir() + "played_" +
          testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(dir);
    listening = Listening::at(dir).value();
  }
  ~PlayedHost() {
    listening.reset();
    std::filesystem::remove_all(dir);
  }
  /// The next client, greeted with the answer.
  Socket greet(Kind kind, const std::vector<std::byte>& answer) {
    Socket client = listening->accept().value();
    EXPECT_EQ(client.receive().value()->kind, Kind::kHello);
    EXPECT_TRUE(client.send(kind, 0, answer).ok());
    return client;
  }
  Socket greet(uint64_t instance = 1) {
    return greet(Kind::kReply, encode(kMagic, kVersion, instance));
  }
  /// A client, and the engine that it has.
  std::pair<Socket, std::unique_ptr<Engine>> connected() {
    auto engine = std::async([this] { return connect(dir).value(); });
    Socket client = greet();
    return {std::move(client), engine.get()};
  }

  std::string dir;
  std::unique_ptr<Listening> listening;
};

class ConnectTest : public testing::Test {
 protected:
  PlayedHost host_;
};

TEST_F(ConnectTest, AHostOfAnotherVersionIsUnsupported) {
  for (const auto& answer : {encode(kMagic, uint16_t{kVersion + 1}, uint64_t{1}),
                             encode(kMagic + 1, kVersion, uint64_t{1})}) {
    auto engine = std::async([&] { return connect(host_.dir); });
    const Socket client = host_.greet(Kind::kReply, answer);
    EXPECT_EQ(engine.get().error().code(), Code::kUnsupported);
  }
}

TEST_F(ConnectTest, WhatTheHostRefusesAtTheDoorIsToldAsItSaysIt) {
  const Error::Body why{Code::kBusy, Reason::kQuota, "too many", "here", 4, 5};
  auto engine = std::async([&] { return connect(host_.dir); });
  const Socket client = host_.greet(Kind::kError, encode(why));
  const Error told = engine.get().error();
  EXPECT_EQ(told.to_string(), Error(why).to_string());
  EXPECT_EQ(told.expected(), 4u);
  EXPECT_EQ(told.found(), 5u);
}

TEST_F(ConnectTest, AHostThatClosesAtOnceIsAnError) {
  auto engine = std::async([&] { return connect(host_.dir); });
  { const Socket client = host_.listening->accept().value(); }
  EXPECT_EQ(engine.get().error().code(), Code::kIo);
}

TEST_F(ConnectTest, AnAcceptedAppendWhoseAckNeverComesIsOfUnknownOutcome) {
  auto [client, engine] = host_.connected();
  auto accept = std::async([&client = client] {
    const Frame frame = *client.receive().value();
    EXPECT_EQ(frame.kind, Kind::kAppend);
    EXPECT_TRUE(client.send(Kind::kReply, frame.call, {}).ok());
  });
  std::promise<Result<Appended>> verdict;
  const auto told = [&](Result<Appended> ack) { verdict.set_value(std::move(ack)); };
  ASSERT_TRUE(engine->append(kWeather, weather("oslo", 0, 1), {}, told).ok());
  accept.get();
  client.cut();
  const Error error = verdict.get_future().get().error();
  EXPECT_EQ(error.code(), Code::kIo);
  EXPECT_EQ(error.reason(), Reason::kUnknownOutcome);
  EXPECT_EQ(engine->flush().error().reason(), Reason::kClosed);
}

TEST_F(ConnectTest, ACallWithoutAnAnswerIsOfUnknownOutcomeAndToldOnce) {
  auto [client, engine] = host_.connected();
  auto hang_up = std::async([&client = client] {
    EXPECT_EQ(client.receive().value()->kind, Kind::kAppend);
    client.cut();
  });
  std::atomic<int> told = 0;
  const Status accepted =
      engine->append(kWeather, weather("oslo", 0, 1), {}, [&](const Result<Appended>&) { ++told; });
  EXPECT_EQ(accepted.error().reason(), Reason::kUnknownOutcome);
  EXPECT_TRUE(engine->close().ok());
  engine.reset();
  EXPECT_EQ(told, 0);
}

TEST_F(ConnectTest, AnAnswerThatNobodyAskedForEndsTheConnection) {
  auto [client, engine] = host_.connected();
  auto answer = std::async([&client = client] {
    const Frame frame = *client.receive().value();
    EXPECT_TRUE(client.send(Kind::kReply, frame.call + 1, encode(uint64_t{1})).ok());
  });
  const auto position = engine->source_position(kWeather, "s");
  EXPECT_EQ(position.error().code(), Code::kIo);
}

TEST_F(ConnectTest, AnAckMayOvertakeTheAnswer) {
  auto [client, engine] = host_.connected();
  auto answer = std::async([&client = client] {
    const Frame frame = *client.receive().value();
    EXPECT_TRUE(client.send(Kind::kAck, frame.call, encode(Appended{7, false})).ok());
    EXPECT_TRUE(client.send(Kind::kReply, frame.call, {}).ok());
  });
  EXPECT_EQ(engine->append(kWeather, weather("oslo", 0, 1)).value().lsn, 7u);
}

TEST_F(ConnectTest, ALateRefusalReachesWhoeverWaitsForTheAck) {
  auto [client, engine] = host_.connected();
  auto answer = std::async([&client = client] {
    const Frame frame = *client.receive().value();
    EXPECT_TRUE(client.send(Kind::kReply, frame.call, {}).ok());
    const Error::Body full{Code::kFull, Reason::kNone, "no space", "log"};
    EXPECT_TRUE(client.send(Kind::kNack, frame.call, encode(full)).ok());
  });
  EXPECT_EQ(engine->append(kWeather, weather("oslo", 0, 1)).error().code(), Code::kFull);
}

TEST_F(ConnectTest, AHostInThePlaceOfTheOldOneIsNotTakenForIt) {
  auto [client, engine] = host_.connected();
  auto snapshot = std::async([&engine = engine] { return engine->snapshot(kWeather); });
  const Socket other = host_.greet(2);
  const Error error = snapshot.get().error();
  EXPECT_EQ(error.code(), Code::kIo);
  EXPECT_EQ(error.reason(), Reason::kClosed);
}

TEST_F(ConnectTest, ACloseWaitsForTheAcksThatAreDue) {
  auto [client, engine] = host_.connected();
  std::promise<void> goes_on;
  auto answer = std::async([&client = client, go = goes_on.get_future()]() mutable {
    const Frame frame = *client.receive().value();
    EXPECT_TRUE(client.send(Kind::kReply, frame.call, {}).ok());
    go.get();
    EXPECT_TRUE(client.send(Kind::kAck, frame.call, encode(Appended{7, false})).ok());
  });
  std::atomic<uint64_t> lsn = 0;
  ASSERT_TRUE(engine
                  ->append(kWeather, weather("oslo", 0, 1), {},
                           [&](const Result<Appended>& ack) { lsn = ack->lsn; })
                  .ok());
  auto closed = std::async([&engine = engine] { return engine->close(); });
  goes_on.set_value();
  EXPECT_TRUE(closed.get().ok());
  EXPECT_EQ(lsn, 7u);
}

TEST_F(ConnectTest, StatusOfALostServerSaysSo) {
  auto [client, engine] = host_.connected();
  host_.listening.reset();  // whoever has noticed the cut tries to connect again
  client.cut();
  ASSERT_TRUE(engine->status().failure.has_value());
  EXPECT_EQ(engine->status().failure->code(), Code::kIo);
  EXPECT_TRUE(engine->pending(5).empty());
}

}  // namespace
}  // namespace sluice::remote
