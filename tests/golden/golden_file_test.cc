#include "tests/golden/golden_file.h"

#include <gtest/gtest.h>

namespace sluice::golden {
namespace {

TEST(Difference, MarksWhatWentAndWhatCame) {
  EXPECT_EQ(difference({"write", "sync", "ack"}, {"write", "ack", "sync"}),
            "  write\n- sync\n  ack\n+ sync\n");
  EXPECT_EQ(difference({}, {"sync"}), "+ sync\n");
  EXPECT_EQ(difference({"sync"}, {"sync"}), "  sync\n");
}

}  // namespace
}  // namespace sluice::golden
