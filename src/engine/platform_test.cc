#include "sluice/platform.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class LocalPlatformTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(dir_); }
  void TearDown() override { fs::remove_all(dir_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
  }
  std::string read(const std::string& name) {
    std::ifstream file(dir_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  auto open(DirectoryUse use) { return open_local_platform(dir_.string(), use); }
  Code refusal(DirectoryUse use) { return open(use).error().code(); }

  const fs::path dir_ =
      fs::path(testing::TempDir()) /
      (std::string("platform_") + testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(LocalPlatformTest, MakesAnAbsentDirectory) {
  ASSERT_TRUE(open(DirectoryUse::kCreate).ok());
  EXPECT_EQ(read("FORMAT"), "sluice 0\n");
  EXPECT_TRUE(fs::is_directory(dir_ / "log"));
  EXPECT_TRUE(fs::is_directory(dir_ / "tables"));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 3);
}

TEST_F(LocalPlatformTest, MakesADirectoryNamedWithATrailingSlash) {
  ASSERT_TRUE(open_local_platform(dir_.string() + "/", DirectoryUse::kCreate).ok());
  EXPECT_EQ(read("FORMAT"), "sluice 0\n");
}

TEST_F(LocalPlatformTest, MakesNoParents) {
  const auto opened = open_local_platform((dir_ / "deeper").string(), DirectoryUse::kCreate);
  EXPECT_EQ(opened.error().code(), Code::kNotFound);
  EXPECT_FALSE(fs::exists(dir_));
}

TEST_F(LocalPlatformTest, PutsTheLogIntoLogAndTheTablesIntoTables) {
  auto owned = open(DirectoryUse::kCreate);
  ASSERT_TRUE(owned.ok());
  const Platform platform = (*owned)->platform();
  ASSERT_TRUE(platform.disk->create("segment").ok());
  ASSERT_TRUE(platform.bucket->put("db/part", as_bytes("rows")).ok());
  EXPECT_TRUE(fs::exists(dir_ / "log" / "segment"));
  EXPECT_EQ(read("tables/db/part"), "rows");
  EXPECT_GT(platform.runtime->now(), 0);
}

TEST_F(LocalPlatformTest, OpensAgainWhatItMade) {
  ASSERT_TRUE(open(DirectoryUse::kCreate).ok());
  write("log/segment", "x");
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  EXPECT_TRUE(open(DirectoryUse::kExisting).ok());
}

TEST_F(LocalPlatformTest, MakesNothingWhereOnlyExistingDataIsWanted) {
  EXPECT_EQ(refusal(DirectoryUse::kExisting), Code::kNotFound);
  EXPECT_FALSE(fs::exists(dir_));
  fs::create_directory(dir_);
  EXPECT_EQ(refusal(DirectoryUse::kExisting), Code::kNotFound);
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(LocalPlatformTest, CompletesADirectoryThatACrashLeftHalfMade) {
  fs::create_directories(dir_ / "log");
  fs::create_directories(dir_ / "lost+found");
  write("00112233445566778899aabbccddeeff~.tmp", "slu");
  EXPECT_EQ(refusal(DirectoryUse::kExisting), Code::kNotFound);
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  EXPECT_TRUE(open(DirectoryUse::kExisting).ok());
}

TEST_F(LocalPlatformTest, RefusesADirectoryWithOtherContentAndLeavesItAlone) {
  write("letter.txt", "dear");
  const Error error = open(DirectoryUse::kCreate).error();
  EXPECT_EQ(error.code(), Code::kInvalid);
  EXPECT_EQ(error.where(), dir_.string());
  EXPECT_EQ(refusal(DirectoryUse::kExisting), Code::kInvalid);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
}

TEST_F(LocalPlatformTest, RefusesSomebodyElsesLogDirectory) {
  write("log/syslog", "x");
  EXPECT_EQ(refusal(DirectoryUse::kCreate), Code::kInvalid);
}

TEST_F(LocalPlatformTest, RefusesAFileThatIsNamedLikeTheLog) {
  write("log", "x");
  EXPECT_EQ(refusal(DirectoryUse::kCreate), Code::kInvalid);
}

TEST_F(LocalPlatformTest, RefusesAFormatFileThatIsNotOurs) {
  for (const std::string& text : {std::string(), std::string("sluice 0"), std::string("sluice \n"),
                                  std::string("sluice 0x\n"), std::string("sluice -1\n"),
                                  std::string("Sluice 0\n"), std::string(1000, 's')}) {
    write("FORMAT", text);
    EXPECT_EQ(refusal(DirectoryUse::kExisting), Code::kInvalid) << text;
    EXPECT_EQ(open(DirectoryUse::kExisting).error().where(), (dir_ / "FORMAT").string());
  }
}

TEST_F(LocalPlatformTest, RefusesAFileInPlaceOfTheDirectory) {
  std::ofstream(dir_) << "x";
  EXPECT_EQ(refusal(DirectoryUse::kCreate), Code::kInvalid);
  EXPECT_EQ(refusal(DirectoryUse::kExisting), Code::kInvalid);
}

TEST_F(LocalPlatformTest, NamesTheVersionOfANewerFormat) {
  write("FORMAT", "sluice 7\n");
  const Error error = open(DirectoryUse::kExisting).error();
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_EQ(error.reason(), Reason::kVersion);
  EXPECT_EQ(error.expected(), 0u);
  EXPECT_EQ(error.found(), 7u);
}

TEST_F(LocalPlatformTest, ReportsASubdirectoryThatWasTakenAway) {
  ASSERT_TRUE(open(DirectoryUse::kCreate).ok());
  fs::remove_all(dir_ / "tables");
  EXPECT_EQ(refusal(DirectoryUse::kCreate), Code::kCorrupt);
  EXPECT_FALSE(fs::exists(dir_ / "tables"));
  write("tables", "a file");
  EXPECT_EQ(refusal(DirectoryUse::kCreate), Code::kCorrupt);
}

}  // namespace
}  // namespace sluice
